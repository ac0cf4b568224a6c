package vecio

import (
	"net/netip"
	"syscall"
)

// Portable returns cfg with every raw path off.
func Portable(cfg RelayConfig) RelayConfig {
	cfg.portable = true
	return cfg
}

// IsPortable reports whether cfg has every raw path off.
func IsPortable(cfg RelayConfig) bool { return cfg.portable }

// PortableBatch returns cfg without raw system calls.
func PortableBatch(cfg BatchConfig) BatchConfig {
	cfg.portable = true
	return cfg
}

// FailingBatch returns cfg with writes that fail as fail says of a message.
func FailingBatch(cfg BatchConfig, fail func(count, size int) syscall.Errno) BatchConfig {
	cfg.fail = fail
	return cfg
}

// An Index is a flowIndex that tells flows by their clients.
type Index struct{ x flowIndex }

func NewIndex(max int) *Index { return &Index{newFlowIndex(max)} }

func (i *Index) Find(c netip.AddrPort, now int64) bool { return i.x.find(c, now) != nil }

func (i *Index) Add(c netip.AddrPort, now int64) (evicted netip.AddrPort) {
	if f := i.x.add(&udpFlow{client: c}, now); f != nil {
		return f.client
	}
	return netip.AddrPort{}
}

func (i *Index) Answer(c netip.AddrPort, now int64) { i.x.answer(i.x.flows[c], now) }
func (i *Index) Remove(c netip.AddrPort) bool {
	f := i.x.flows[c]
	return f != nil && i.x.remove(f) && !i.x.remove(f)
}

func (i *Index) Idle(before int64) (c netip.AddrPort, ok bool) {
	if f := i.x.idle(before); f != nil {
		return f.client, true
	}
	return netip.AddrPort{}, false
}

func (i *Index) Oldest() (int64, bool) { return i.x.oldest() }
func (i *Index) Len() int              { return len(i.x.flows) }

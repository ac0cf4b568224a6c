package vecio

import (
	"net/netip"
	"sync"
)

// How a FlowTable moves datagrams: those of a batch are turned into what is
// sent on, in place or into slots of a second slab, and leave together.

// maxGrowth is the most that a datagram may grow by, in bytes.
const maxGrowth = 1024

// outgoing collects what leaves together: it is lent for the time in which a
// batch is dealt with.
type outgoing struct {
	ms   []Datagram
	slab []byte // nil: nothing is appended
	used int    // bytes of it
}

const outgoingMax = 2 * maxSegments

var outgoings = sync.Pool{New: func() any { return &outgoing{ms: make([]Datagram, 0, outgoingMax)} }}

// begin takes a slab if datagrams grow.
func (o *outgoing) begin(p bufferPool, growth int) {
	if growth > 0 {
		o.slab = p.Get(slabSize + maxSegments*maxGrowth/16)
	}
}

func (o *outgoing) end(p bufferPool) {
	if o.slab != nil {
		p.Put(o.slab)
		o.slab = nil
	}
	o.reset()
	outgoings.Put(o)
}

func (o *outgoing) reset() {
	clear(o.ms)
	o.ms, o.used = o.ms[:0], 0
}

// full reports whether there is no room for what n bytes may grow to.
func (o *outgoing) full(n, growth int) bool {
	return len(o.ms) == outgoingMax || growth > 0 && o.used+n+growth > len(o.slab)
}

// slot is where to append what n bytes may grow to.
func (o *outgoing) slot(n, growth int) []byte {
	if growth == 0 {
		return nil
	}
	return o.slab[o.used : o.used : o.used+n+growth]
}

// add takes what was appended to the slot, or is elsewhere.
func (o *outgoing) add(b []byte, to netip.AddrPort, growth int) {
	if growth > 0 {
		o.used += len(b)
	}
	o.ms = append(o.ms, Datagram{Data: b, Addr: to})
}

// fromClients moves what clients have sent.
func (t *FlowTable) fromClients(ms []Datagram) {
	o := outgoings.Get().(*outgoing)
	o.begin(t.cfg.Pool, t.cfg.UpGrowth)
	defer o.end(t.cfg.Pool)
	var f *udpFlow
	flush := func() {
		if f != nil && len(o.ms) > 0 {
			t.sendUp(f, o.ms)
		}
		o.reset()
	}
	for i := range ms {
		d := &ms[i]
		if d.Truncated {
			t.stats.truncated.Add(1)
			continue
		}
		if f != nil && f.client != d.Addr {
			flush()
			f = nil
		}
		each := func(b []byte) {
			if o.full(len(b), t.cfg.UpGrowth) {
				flush()
			}
			payload, target, err := b, netip.AddrPort{}, error(nil)
			if t.cfg.Up != nil {
				payload, target, err = t.cfg.Up(o.slot(len(b), t.cfg.UpGrowth), b, d.Addr)
			}
			switch {
			case err != nil:
				t.stats.refused.Add(1)
				return
			case payload == nil:
				return
			case f == nil:
				if f, err = t.flow(d.Addr); err != nil {
					return
				}
			}
			o.add(payload, target, t.cfg.UpGrowth)
		}
		d.Split(each)
	}
	flush()
}

// sendUp sends what a client has sent, and does not wait: a target that is
// slow to reach keeps nobody else back.
func (t *FlowTable) sendUp(f *udpFlow, ms []Datagram) (int, error) {
	sent, err := f.target.conn.writeBatch(ms, true)
	t.stats.up.did(ms, sent)
	return sent, err
}

// fromTarget moves what targets have sent to a client.
func (f *udpFlow) fromTarget(ms []Datagram) {
	t := f.table
	now := t.now()
	t.mu.Lock()
	if t.index.flows[f.client] == f {
		t.index.answer(f, now)
	}
	clients := t.clients
	t.mu.Unlock()
	o := outgoings.Get().(*outgoing)
	o.begin(t.cfg.Pool, t.cfg.DownGrowth)
	defer o.end(t.cfg.Pool)
	flush := func() {
		if len(o.ms) > 0 {
			sent, _ := clients.conn.WriteBatch(o.ms) // counted
			t.stats.down.did(o.ms, sent)
		}
		o.reset()
	}
	for i := range ms {
		d := &ms[i]
		if d.Truncated {
			t.stats.truncated.Add(1)
			continue
		}
		d.Split(func(b []byte) {
			if o.full(len(b), t.cfg.DownGrowth) {
				flush()
			}
			var err error
			if t.cfg.Down != nil {
				b, err = t.cfg.Down(o.slot(len(b), t.cfg.DownGrowth), b, d.Addr)
			}
			switch {
			case err != nil:
				t.stats.refused.Add(1)
			case b != nil:
				o.add(b, f.client, t.cfg.DownGrowth)
			}
		})
	}
	flush()
}

package bufpool

import (
	"sync"
	"sync/atomic"

	"github.com/headrace-go/headrace/internal/invariants"
	"github.com/headrace-go/headrace/internal/slab"
)

// memory is what the handles to one buffer have in common.
type memory struct {
	first   handle // spares the usual, unshared lease a second record
	refs    atomic.Int32
	class   int    // where it goes back to with its buffer; -1: the buffer goes alone
	full    []byte // the whole buffer, as long as was asked for; nil if foreign
	pool    *Pool  // nil if foreign
	release func() // of foreign memory; may be nil
}

// A handle is one holder's view of a memory. Records are used again, for ever
// higher generations: what a Buf says is valid only while they agree.
type handle struct {
	trace      trace
	gen        atomic.Uint64
	mem        *memory
	data       []byte // what this holder may write to: headroom, window, tailroom
	start, end int    // the window
	frozen     bool   // others see the same bytes: data is the window, and read-only
}

// Records without a buffer.
var (
	memories = sync.Pool{New: func() any { return new(memory) }}
	handles  = sync.Pool{New: func() any { return new(handle) }}
)

// maxPart bounds each part of a lease, so that their sum fits an int
// everywhere.
const maxPart = 1 << 28

// Lease returns a Buf with a window of size bytes, contents undefined, and that
// much room before and behind it. The caller holds it until Release.
//
// Above MaxSize in all, and when the pool may own no more, the memory is made
// for the occasion and not kept. If a part is negative or 256 MiB or more,
// Lease returns the zero Buf, which is empty and has no room.
// It does not allocate when a buffer of the class is free (TestLeaseAllocs).
func (p *Pool) Lease(headroom, size, tailroom int) Buf {
	if uint(headroom|size|tailroom) >= maxPart {
		return Buf{}
	}
	n := headroom + size + tailroom
	m := p.take(n)
	if m == nil {
		return Buf{}
	}
	if invariants.Enabled {
		seal(m.full)
	}
	m.refs.Store(1)
	h := &m.first
	h.mem = m
	h.data = m.full
	h.start, h.end = headroom, headroom+size
	return h.hold()
}

// take returns a memory of n bytes with no handle, or nil for none.
func (p *Pool) take(n int) *memory {
	class := slab.ClassOf(n)
	if class >= 0 && p.slab != nil {
		if m, ok := p.leases[class].Get().(*memory); ok {
			m.full = m.full[:n]
			return m
		}
	}
	if n == 0 {
		return nil
	}
	m := memories.Get().(*memory)
	m.pool = p
	m.full = p.Get(n)
	if invariants.Enabled && p.slab != nil {
		p.slab.Disown(m.full)
	}
	m.class = -1
	if class >= 0 && p.slab != nil && cap(m.full) == slab.CapacityOf(class) {
		m.class = class
	}
	return m
}

// share returns a handle of its own to the same memory, for data to be set.
func (h *handle) share() *handle {
	s := handles.Get().(*handle)
	s.mem = h.mem
	h.mem.refs.Add(1)
	return s
}

// hold returns the Buf for the present generation of h.
func (h *handle) hold() Buf {
	gen := h.gen.Load()
	if invariants.Enabled {
		h.trace.held(h, gen)
	}
	return Buf{h: h, gen: gen}
}

// drop ends what h holds, after its generation has.
func (h *handle) drop() {
	m := h.mem
	h.data, h.frozen = nil, false
	first := h == &m.first
	if !first {
		h.mem = nil
	}
	// The only holder is alone with the memory: nobody can share it now.
	last := m.refs.Load() == 1 || m.refs.Add(-1) == 0
	if !first {
		handles.Put(h)
	}
	if last {
		m.free()
	}
}

// free gives back a memory that nobody holds any more.
func (m *memory) free() {
	p := m.pool
	if p == nil {
		release := m.release
		m.release = nil
		memories.Put(m)
		if release != nil {
			release()
		}
		return
	}
	if m.class >= 0 && !p.slab.Keeps(cap(m.full)) {
		p.leases[m.class].Put(m)
		return
	}
	full := m.full
	if invariants.Enabled {
		checkSeal(full)
	}
	m.full, m.pool = nil, nil
	memories.Put(m)
	p.Put(full)
}

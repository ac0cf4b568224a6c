package slab

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/headrace-go/headrace/internal/invariants"
)

// A Config says what an Allocator may own. The zero Config works.
type Config struct {
	// Limit bounds the bytes owned, lent and retained together.
	// Zero means 256 MiB. Negative means no bound.
	Limit int64
	// Floor bounds, for each class, the bytes kept through garbage
	// collections. Classes with larger buffers keep none.
	// Zero means 128 KiB. Negative keeps none in any class.
	Floor int
	// Budget, if not nil, must also grant every buffer that is made. It gets
	// the bytes back on a goroutine of the runtime after the collector has
	// freed them.
	Budget Budget
	// Clear overwrites every buffer with zeros when it is put back.
	Clear bool
	// ExactStats counts every Get and Put. It costs each of them an atomic add
	// on memory shared by all processors.
	ExactStats bool
}

// A Budget grants bytes. It must be safe for concurrent use.
type Budget interface {
	TryReserve(n int) bool
	Release(n int)
}

const (
	defaultLimit = 256 << 20
	defaultFloor = 128 << 10
)

// An Allocator lends byte slices. See the package comment.
type Allocator struct {
	watch   watch
	classes [slots]class
	ledger  *ledger
	armed   atomic.Bool // refill will run after the next collection
	trimmed atomic.Bool // and shall do nothing until a buffer is made

	large   atomic.Uint64
	dropped atomic.Uint64
	refused atomic.Uint64
}

// A class holds the free buffers of one size. What the fast path reads comes
// first and is hardly ever written to.
type class struct {
	free     sync.Pool // of *byte: a pointer is stored in an interface as it is
	capacity int
	index    int
	checked  bool        // Get has more to do than to take a buffer
	diverted atomic.Bool // Put has more to do than to keep it
	wanted   atomic.Bool // by the reserve
	clear    bool
	counted  bool

	_         [64]byte
	reserve   reserve
	overLimit atomic.Uint64
	gets      atomic.Uint64
	puts      atomic.Uint64
	_         [64]byte
}

// New returns an Allocator that owns nothing yet.
func New(cfg Config) *Allocator {
	if cfg.Limit == 0 {
		cfg.Limit = defaultLimit
	}
	if cfg.Floor == 0 {
		cfg.Floor = defaultFloor
	}
	a := &Allocator{watch: newWatch(), ledger: &ledger{limit: cfg.Limit, budget: cfg.Budget}}
	for i := range NumClasses {
		c := &a.classes[i]
		c.capacity = capacityOf(i)
		c.index = i
		c.clear = cfg.Clear
		c.counted = cfg.ExactStats
		c.checked = c.counted || invariants.Enabled
		c.reserve.floor = max(cfg.Floor, 0) / blocks[i]
		c.want(false)
		a.ledger.accounts[i] = account{block: blocks[i], ledger: a.ledger}
	}
	return a
}

// Default returns the slab that the whole process shares: everything here that
// is given no pool of its own takes from it. It has the zero Config.
func Default() *Allocator { return defaultAllocator() }

var defaultAllocator = sync.OnceValue(func() *Allocator { return New(Config{}) })

// Get returns a slice of length n with undefined contents. It belongs to the
// caller until it is put back or dropped. For n <= 0 it is empty; above MaxSize
// it is made for the occasion, and Put drops it.
// It does not allocate when a buffer of the class is free (TestGetPutAllocs).
func (a *Allocator) Get(n int) []byte {
	if uint(n-1) >= MaxSize {
		return a.unclassed(n)
	}
	c := a.classFor(n)
	if c.checked {
		return a.getChecked(c, n)
	}
	if p, ok := c.free.Get().(*byte); ok {
		return unsafe.Slice(p, c.capacity)[:n]
	}
	return a.miss(c, n)
}

// Put gives b back. The caller must not use b, or any slice that shares its
// memory, afterwards. b must begin where the slice from Get began; its length
// does not matter. Anything else is dropped, and counted in Stats.
func (a *Allocator) Put(b []byte) {
	c := &a.classes[slotOf(cap(b))]
	p := unsafe.SliceData(b)
	if c.capacity != cap(b) || misaligned(p) || c.diverted.Load() {
		a.putChecked(c, b)
		return
	}
	c.free.Put(p)
}

// ClassOf returns the class that serves n bytes, 0 to NumClasses-1, or -1 if
// none does.
func ClassOf(n int) int {
	if uint(n-1) >= MaxSize {
		return -1
	}
	i := int(firstOf[bracket(n)])
	if n > capacityOf(i) {
		i++
	}
	return i
}

// Keeps reports whether Put does more with buffers of this capacity than to
// leave them to the next Get: who caches buffers must put them back then.
func (a *Allocator) Keeps(capacity int) bool {
	return a.classes[slotOf(capacity)].diverted.Load()
}

// Disown leaves b, which is lent, out of the loans that the debug build lists:
// its borrower lends it on, and keeps a list itself.
func (a *Allocator) Disown(b []byte) {
	if invariants.Enabled {
		a.watch.disown(b)
	}
}

// classFor returns the smallest class that holds n bytes, 1 to MaxSize.
func (a *Allocator) classFor(n int) *class {
	i := firstOf[bracket(n)] % slots
	if n > a.classes[i].capacity {
		i++
	}
	return &a.classes[i%slots]
}

func (a *Allocator) getChecked(c *class, n int) []byte {
	if c.counted {
		c.gets.Add(1)
	}
	var b []byte
	if p, ok := c.free.Get().(*byte); ok {
		b = unsafe.Slice(p, c.capacity)[:n]
	} else {
		b = a.miss(c, n)
	}
	if invariants.Enabled && cap(b) == c.capacity {
		a.watch.lend(b)
	}
	return b
}

func (a *Allocator) putChecked(c *class, b []byte) {
	p := unsafe.SliceData(b)
	if c.capacity != cap(b) || misaligned(p) {
		a.drop(b)
		return
	}
	if c.clear {
		clear(b[:cap(b)])
	}
	if invariants.Enabled && !a.watch.takeBack(b[:cap(b)], c.clear) {
		a.refused.Add(1)
		return
	}
	if c.counted {
		c.puts.Add(1)
	}
	if c.wanted.Load() && c.keep(p) {
		return
	}
	c.free.Put(p)
}

// miss serves a Get that found no free buffer.
func (a *Allocator) miss(c *class, n int) []byte {
	if p := c.take(); p != nil {
		return unsafe.Slice(p, c.capacity)[:n]
	}
	p := a.make(c)
	if p == nil {
		c.overLimit.Add(1)
		return makeForeign(n)
	}
	if a.trimmed.Load() {
		a.trimmed.Store(false)
	}
	if c.reserve.missing() > 0 {
		c.want(true)
		a.arm()
	}
	return unsafe.Slice(p, c.capacity)[:n]
}

// make returns a new buffer, or nil if no more may be owned.
func (a *Allocator) make(c *class) *byte {
	p := a.ledger.accounts[c.index].make()
	if invariants.Enabled && p != nil {
		a.watch.enter(unsafe.Slice(p, blocks[c.index]), c.capacity)
	}
	return p
}

// unclassed serves the sizes that no class holds.
func (a *Allocator) unclassed(n int) []byte {
	if n <= 0 {
		return []byte{}
	}
	a.large.Add(1)
	return makeForeign(n)
}

// makeForeign returns a slice of length n that Put drops: its capacity leaves
// the residue 1, which no class has.
func makeForeign(n int) []byte {
	return make([]byte, n, (n+62)&^63+1)
}

func (a *Allocator) drop(b []byte) {
	if cap(b) == 0 {
		return
	}
	if a.classes[0].clear {
		clear(b) // not the rest up to its capacity, which may be somebody else's
	}
	if cap(b)%64 == 1 {
		a.dropped.Add(1)
		return
	}
	a.refused.Add(1)
}

func misaligned(p *byte) bool { return uintptr(unsafe.Pointer(p))%64 != 0 }

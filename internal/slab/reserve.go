package slab

import (
	"runtime"
	"sync"
	"weak"

	"github.com/headrace-go/headrace/internal/invariants"
)

// A reserve keeps a few buffers of a class where the collector does not take
// them. A sync.Pool forgets whatever lay idle through two collections; the
// reserve is where a Get that misses looks before memory is made.
//
// It fills in two ways. After a collection, refill moves buffers over from the
// sync.Pool. That does not reach the one buffer that the pool keeps private to
// each processor, so what is still missing then, or was just made, is taken
// from the next Puts: class.wanted says so. A Get that takes from the reserve
// ends that, or else a working set smaller than the floor would go through the
// mutex on every Get and Put.
type reserve struct {
	mu    sync.Mutex
	held  []*byte
	floor int
}

// take returns a buffer, or nil if there is none.
func (r *reserve) take() *byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.held) - 1
	if n < 0 {
		return nil
	}
	p := r.held[n]
	r.held[n] = nil
	r.held = r.held[:n]
	return p
}

// keep takes p in unless the floor is reached, and reports whether it did and
// how many are still missing.
func (r *reserve) keep(p *byte) (kept bool, missing int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.held) >= r.floor {
		return false, 0
	}
	r.held = append(r.held, p)
	return true, r.floor - len(r.held)
}

// raise makes room for n buffers and returns how many are missing to that.
func (r *reserve) raise(n int) (missing int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.floor = max(r.floor, n)
	return n - len(r.held)
}

func (r *reserve) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.held)
}

func (r *reserve) missing() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.floor - len(r.held)
}

func (r *reserve) empty() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = nil
}

func (c *class) take() *byte {
	p := c.reserve.take()
	if p != nil {
		c.want(false)
	}
	return p
}

func (c *class) keep(p *byte) bool {
	kept, missing := c.reserve.keep(p)
	if missing == 0 {
		c.want(false)
	}
	return kept
}

// want has the next Puts fill the reserve, or no longer.
func (c *class) want(wanted bool) {
	c.wanted.Store(wanted)
	c.diverted.Store(wanted || c.clear || c.counted || invariants.Enabled)
}

// A sentinel is garbage from the start: its cleanup tells of one collection.
// It holds a pointer so that it shares its block with no other object.
type sentinel struct{ _ *byte }

// arm has refill run after every collection from now on, as long as a is in
// use.
func (a *Allocator) arm() {
	if !a.armed.Swap(true) {
		afterCollection(weak.Make(a))
	}
}

func afterCollection(w weak.Pointer[Allocator]) {
	runtime.AddCleanup(new(sentinel), func(w weak.Pointer[Allocator]) {
		if a := w.Value(); a != nil {
			a.refill()
			afterCollection(w)
		}
	}, w)
}

func (a *Allocator) refill() {
	if a.trimmed.Load() {
		return
	}
	for i := range NumClasses {
		c := &a.classes[i]
		missing := c.reserve.missing()
		// A class that nobody uses has nothing to wait for. Its sync.Pool must not be
		// asked either: the runtime keeps one that was, and so all of a, through
		// the next collection, after which it would be asked again, for ever.
		if missing <= 0 || !a.out(c) {
			continue
		}
		for ; missing > 0; missing-- {
			p, ok := c.free.Get().(*byte)
			if !ok {
				break
			}
			if !c.keep(p) {
				c.free.Put(p)
				break
			}
		}
		if missing > 0 && a.out(c) {
			c.want(true)
		}
	}
}

// out reports whether buffers of c are anywhere but in its reserve.
func (a *Allocator) out(c *class) bool {
	return a.ledger.accounts[c.index].owned.Load() > int64(c.reserve.size())
}

// Prefill makes buffers that hold n bytes each until the reserve of their class
// has count of them, and raises its floor to count, so that they survive
// collections. It returns how many it made: fewer if the limit is reached,
// none if no class serves n.
func (a *Allocator) Prefill(n, count int) int {
	if uint(n-1) >= MaxSize || count <= 0 {
		return 0
	}
	c := a.classFor(n)
	a.arm()
	missing := c.reserve.raise(count)
	for filled := range missing {
		p := a.make(c)
		if p == nil {
			return filled
		}
		if !c.keep(p) {
			c.free.Put(p)
		}
	}
	return max(missing, 0)
}

// Trim lets go of everything that is not lent. The collector frees it, and the
// limit is credited, with its next cycle. One buffer per class and processor
// may escape, and goes a cycle later.
func (a *Allocator) Trim() {
	a.trimmed.Store(true)
	for i := range NumClasses {
		c := &a.classes[i]
		c.want(false)
		c.reserve.empty()
		for c.free.Get() != nil {
		}
	}
}

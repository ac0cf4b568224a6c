package bufpool

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// ObjectsConfig says what an Objects pool makes. The zero Config works.
type ObjectsConfig[T any] struct {
	// New makes an object, a different one each time. Nil means new(T).
	New func() *T
	// Reset prepares an object for its next user, when it is put back. It
	// returns false for one not worth keeping: grown too large, or broken.
	// Nil means to assign the zero value.
	Reset func(*T) (keep bool)
	// Max bounds the objects, lent and free together, up to which Put keeps
	// them. Zero means 1024. Negative means no bound.
	Max int
}

// Objects is a pool of objects of one type. It is safe for concurrent use.
//
// Get always serves. Beyond Max, Put drops objects until the collector has
// freed enough of them, so that a burst does not stay.
// It does not allocate when an object is free (TestObjectsAllocs).
type Objects[T any] struct {
	free  sync.Pool
	new   func() *T
	reset func(*T) bool
	max   int64
	count *objectCount
}

// objectCount is apart from its pool: every object leads to it.
type objectCount struct {
	live    atomic.Int64
	made    atomic.Uint64
	dropped atomic.Uint64
}

// NewObjects returns an empty pool.
func NewObjects[T any](cfg ObjectsConfig[T]) *Objects[T] {
	o := &Objects[T]{new: cfg.New, reset: cfg.Reset, max: int64(cfg.Max), count: new(objectCount)}
	if o.new == nil {
		o.new = func() *T { return new(T) }
	}
	if o.reset == nil {
		o.reset = func(v *T) bool {
			var zero T
			*v = zero
			return true
		}
	}
	if o.max == 0 {
		o.max = 1024
	}
	return o
}

// Get returns an object, which the caller owns until Put.
func (o *Objects[T]) Get() *T {
	if v, ok := o.free.Get().(*T); ok {
		return v
	}
	v := o.new()
	o.count.made.Add(1)
	o.count.live.Add(1)
	runtime.AddCleanup(v, func(c *objectCount) { c.live.Add(-1) }, o.count)
	return v
}

// Put resets v and gives it back. The caller must not use it afterwards, and v
// must come from Get.
func (o *Objects[T]) Put(v *T) {
	if !o.reset(v) || o.max >= 0 && o.count.live.Load() > o.max {
		o.count.dropped.Add(1)
		return
	}
	o.free.Put(v)
}

// ObjectsStats are the counters of an Objects pool. All are exact.
type ObjectsStats struct {
	Live    int64  // objects made and not yet freed by the collector
	Made    uint64 // Gets that found no object
	Dropped uint64 // Puts that did not keep theirs
}

// Stats returns the counters. Each is of its own instant.
func (o *Objects[T]) Stats() ObjectsStats {
	return ObjectsStats{
		Live:    o.count.live.Load(),
		Made:    o.count.made.Load(),
		Dropped: o.count.dropped.Load(),
	}
}

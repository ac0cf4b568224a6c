// Package growth sizes the bursts of a byte stream: small while traffic is
// interactive, large while it is bulk, within a memory budget.
package growth

import (
	"sync/atomic"

	"github.com/headrace-go/headrace/internal/slab"
)

const (
	// Floor is the burst that is always granted, in bytes.
	Floor = 16 << 10
	// Max is the largest burst, in bytes.
	Max = 512 << 10

	// step is the factor of growth: three full bursts lead from Floor to Max.
	step = 4
	// patience is how many bursts in a row must leave most of the window
	// unused before it shrinks: one short read ends many a full run.
	patience = 4
)

// Pool lends memory. *slab.Allocator is one.
type Pool interface {
	Get(n int) []byte
	Put(b []byte)
}

// Budget grants growth beyond the floor.
type Budget interface {
	TryReserve(n int) bool
	Release(n int)
}

// A Window lends the memory for one burst at a time. It is not safe for
// concurrent use, and holds nothing between Put and Get.
type Window struct {
	pool     Pool
	budget   Budget
	size     int
	max      int
	lent     int // the length that Get returned last
	reserved int // what the budget granted for it
	slack    int // bursts in a row that left most of the window unused
}

// New returns a Window of Floor bytes that may grow to limit; a limit of zero
// means Max. A nil pool means slab.Default, a nil budget means Default.
func New(pool Pool, budget Budget, limit int) Window {
	if pool == nil {
		pool = slab.Default()
	}
	if budget == nil {
		budget = Default()
	}
	if limit == 0 {
		limit = Max
	}
	return Window{pool: pool, budget: budget, size: min(Floor, limit), max: limit}
}

// Size is the burst that the stream has earned, in bytes.
func (w *Window) Size() int { return w.size }

// Get lends memory for one burst of n bytes, or of Floor bytes where the
// budget refuses more. Put must follow before the next Get.
func (w *Window) Get(n int) []byte {
	if n > Floor {
		if w.budget.TryReserve(n - Floor) {
			w.reserved = n - Floor
		} else {
			n = Floor
		}
	}
	w.lent = n
	return w.pool.Get(n)
}

// Put takes b back, and the reservation with it.
func (w *Window) Put(b []byte) {
	w.pool.Put(b)
	if w.reserved > 0 {
		w.budget.Release(w.reserved)
		w.reserved = 0
	}
}

// Shrink exchanges b for the smallest buffer that holds rest, which is a part
// of b, if that frees at least half of b. It returns the buffer to Put later
// and the bytes of rest in it.
func (w *Window) Shrink(b, rest []byte) (buf, kept []byte) {
	if len(rest) > cap(b)/2 {
		return b, rest
	}
	buf = w.pool.Get(len(rest))
	copy(buf, rest)
	w.pool.Put(b)
	if freed := w.reserved - max(0, len(rest)-Floor); freed > 0 {
		w.budget.Release(freed)
		w.reserved -= freed
	}
	return buf, buf
}

// Observe adapts the size to a burst of got bytes in the memory that Get lent
// last. A burst that was cut to the floor by the budget says nothing of what
// the stream could fill, so it leaves the size as it is.
func (w *Window) Observe(got int) {
	switch {
	case got >= w.lent:
		if w.lent >= w.size {
			w.size = min(w.size*step, w.max)
		}
		w.slack = 0
	case got > w.size/step:
		w.slack = 0
	case w.size > Floor:
		if w.slack++; w.slack >= patience {
			w.size = max(w.size/step, Floor)
			w.slack = 0
		}
	}
}

// Default returns the process-wide budget that stands in for a nil one.
func Default() Budget { return &process }

// processLimit bounds the growth of all streams that share the default
// budget, in bytes: enough to run some sixty bulk streams at their largest
// burst, and a third of the 100 MB that 1000 connections may cost.
const processLimit = 32 << 20

var process limited

// limited is a Budget of processLimit bytes.
type limited struct{ used atomic.Int64 }

func (l *limited) TryReserve(n int) bool {
	if l.used.Add(int64(n)) > processLimit {
		l.used.Add(int64(-n))
		return false
	}
	return true
}

func (l *limited) Release(n int) { l.used.Add(int64(-n)) }

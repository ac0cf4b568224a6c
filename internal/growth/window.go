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

	// careful is the burst after one whose write stalled, in bytes. What the
	// destination does not take lies in memory until it does, which may be for
	// ever: so the flows of a thousand stuck peers hold little each.
	careful = 4 << 10
	// tight bounds the buffers that are exchanged for one of three quarters
	// already: copying less than this costs less than the wait to come.
	tight = 4 * Floor
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
	stall    stall
}

// stall is what is known of the destination.
type stall uint8

const (
	flows   stall = iota
	stalled       // it did not take the burst under way at once
	stuck         // it did not take the one before
)

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

// Next is Size, and little after a burst whose write stalled: for whoever can
// do with less than Floor.
func (w *Window) Next() int {
	if w.stall == stuck {
		return min(careful, w.size)
	}
	return w.size
}

// Get lends memory for one burst of n bytes, or, where the budget refuses
// that, of as much as it grants, and of Floor bytes at least. Put must follow
// before the next Get.
func (w *Window) Get(n int) []byte {
	for n > Floor && !w.budget.TryReserve(n-Floor) {
		n = max(n/step, Floor)
	}
	w.reserved = max(n-Floor, 0)
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

// Shrink is called when the write of a burst in b stalls. It exchanges b for the
// smallest buffer that holds rest, which is a part of b, if that frees at least
// half of b, or a quarter where that is little to copy. It returns the buffer
// to Put later and the bytes of rest in it.
func (w *Window) Shrink(b, rest []byte) (buf, kept []byte) {
	w.stall = stalled
	if most := cap(b); len(rest) > most/2 && (most > tight || len(rest) > most/4*3) {
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
// last, after it has been written. A burst that was cut short, by the budget or
// for care, says nothing of what the stream could fill, so it leaves the size
// as it is. One whose write stalled was more than the destination can do with.
func (w *Window) Observe(got int) {
	switch {
	case w.stall == stalled:
		w.size = max(w.size/step, min(Floor, w.max))
		w.stall = stuck
		w.slack = 0
	case w.stall == stuck:
		w.stall = flows
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
// budget, in bytes: enough for sixteen bulk streams at their largest burst or
// for seventy at a quarter of it, and little beside the 100 MB that 1000
// connections may cost in two processes together.
const processLimit = 8 << 20

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

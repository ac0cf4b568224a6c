// Package growth sizes the bursts of a byte stream: small while traffic is
// interactive, large while it is bulk, within a memory budget.
package growth

import (
	"sync/atomic"

	"github.com/headrace-go/headrace/internal/slab"
)

const (
	// Least is the burst that is always granted, in bytes. It is also the one
	// after a burst whose write stalled: what the destination does not take
	// lies in memory until it does, which may be for ever, so that the flows of
	// a thousand stuck peers hold little each.
	Least = 4 << 10
	// Floor is the burst that a stream has which is neither bulk nor quiet.
	Floor = 16 << 10
	// Max is the largest burst, in bytes.
	Max = 512 << 10

	// step is the factor of growth: four full bursts lead from Least to Max.
	step = 4
	// patience is how many bursts in a row must leave most of the window
	// unused before it shrinks: one short read ends many a full run.
	patience = 4

	// tight bounds the buffers that are exchanged for one of three quarters
	// already: copying less than this costs less than the wait to come.
	tight = 4 * Floor
)

// Pool lends memory. *slab.Allocator is one.
type Pool interface {
	Get(n int) []byte
	Put(b []byte)
}

// Budget grants growth beyond Least.
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
	pace     pace
}

// A pace is what is known of both ends.
type pace uint8

const (
	careful pace = iota // little comes, or little goes
	steady
	stalled // the burst under way was not taken at once
)

// New returns a Window of Floor bytes, Least at first, that may grow to limit; a
// limit of zero means Max. A nil pool means slab.Default, a nil budget means Default.
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

// Next is Size, but Least while that is enough, and after a burst whose write
// stalled: for whoever can do with less than Floor.
func (w *Window) Next() int {
	if w.pace == careful {
		return min(Least, w.size)
	}
	return w.size
}

// Get lends memory for one burst of n bytes, or, where the budget refuses
// that, of as much as it grants, and of Least bytes at least. Put must follow
// before the next Get.
func (w *Window) Get(n int) []byte {
	for n > Least && !w.budget.TryReserve(n-Least) {
		n = max(n/step, Least)
	}
	w.reserved = max(n-Least, 0)
	w.lent = n
	return w.pool.Get(n)
}

// Full reports whether got bytes are all that Get has lent memory for.
func (w *Window) Full(got int) bool { return got >= w.lent }

// Keep lends memory for n bytes that have come already, out of no budget, in
// place of a Get.
func (w *Window) Keep(n int) []byte { return w.pool.Get(n) }

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
	w.pace = stalled
	if most := cap(b); len(rest) > most/2 && (most > tight || len(rest) > most/4*3) {
		return b, rest
	}
	buf = w.pool.Get(len(rest))
	copy(buf, rest)
	w.pool.Put(b)
	if freed := w.reserved - max(0, len(rest)-Least); freed > 0 {
		w.budget.Release(freed)
		w.reserved -= freed
	}
	return buf, buf
}

// Observe adapts the size to a burst of got bytes in the memory that Get lent
// last, after it has been written. One that was cut short, by the budget or for
// care, says nothing of what the stream could fill, so it leaves the size as it
// is. One whose write stalled was more than the destination can do with.
func (w *Window) Observe(got int) {
	switch {
	case w.pace == stalled:
		w.size = max(w.size/step, min(Floor, w.max))
		w.pace = careful
		w.slack = 0
	case w.pace == careful:
		if w.Full(got) {
			w.pace = steady
		}
	case w.Full(got):
		if w.lent >= w.size {
			w.size = min(w.size*step, w.max)
		}
		w.slack = 0
	case got > w.size/step:
		w.slack = 0
	default:
		if w.slack++; w.slack < patience {
			return
		}
		w.slack = 0
		if w.size > Floor {
			w.size = max(w.size/step, Floor)
		} else {
			w.pace = careful
		}
	}
}

// Default returns the process-wide budget that stands in for a nil one.
func Default() Budget { return &process }

// processLimit bounds the growth of all streams that share the default
// budget, in bytes: little beside the 100 MB that 1000 connections may cost in
// two processes together. share is the part of what is left that one burst may
// take, at most: so the first stream has its largest burst, a dozen more a
// quarter of that, hundreds the floor, and none takes it all.
const (
	processLimit = 4 << 20
	share        = 8
)

var process limited

// limited is a Budget of processLimit bytes.
type limited struct{ used atomic.Int64 }

func (l *limited) TryReserve(n int) bool {
	used := l.used.Add(int64(n)) - int64(n)
	if int64(n)*share > processLimit-used {
		l.used.Add(int64(-n))
		return false
	}
	return true
}

func (l *limited) Release(n int) { l.used.Add(int64(-n)) }

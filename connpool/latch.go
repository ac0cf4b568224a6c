package connpool

import (
	"runtime"
	"sync/atomic"
)

// A latch is a lock for some ten nanoseconds' work: who finds it held tries
// again. A sync.Mutex parks him if other goroutines are there to run, and once
// it has parked a few it hands itself over from one to the next, each by a
// switch: with 64 goroutines that costs more than all the work.
type latch struct{ held atomic.Bool }

const (
	// latchPause is how many times nothing is done before a held latch is looked
	// at again, some microseconds. Each look takes the cache line away from
	// whoever works on it: two that look all the time need twice as long as one
	// that lets the other do a few turns.
	latchPause = 6400
	// latchTries is how many looks there are before another goroutine may run:
	// whoever holds the latch may have been stopped in the middle.
	latchTries = 8
)

// try takes the latch if it is free.
func (l *latch) try() bool { return !l.held.Load() && l.held.CompareAndSwap(false, true) }

// lock takes the latch.
func (l *latch) lock() {
	for !l.try() {
		l.await()
	}
}

// await returns when the latch has been seen free.
func (l *latch) await() {
	for tries := 1; l.held.Load(); tries++ {
		if tries%latchTries == 0 {
			runtime.Gosched()
			continue
		}
		for range latchPause {
		}
	}
}

func (l *latch) unlock() { l.held.Store(false) }

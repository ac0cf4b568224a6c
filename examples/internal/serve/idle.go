package serve

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/vecio"
)

const (
	// parkAfter is short: to wake a connection costs some tens of microseconds.
	parkAfter = 500 * time.Millisecond
	// lookEvery is how often giveBack looks whether it has something to do,
	// lookOften the same while there are new relays, and for looksAfter looks more:
	// a crowd that has just come and fallen silent is nothing but garbage.
	// manyParked is how many more sockets must have been parked for that.
	lookEvery  = 5 * time.Second
	lookOften  = 100 * time.Millisecond
	looksAfter = 50
	manyParked = 100
)

// giveBack returns memory to the system after a wave of connections has been
// parked, until ctx is done. The goroutines and buffers that they had are garbage
// then, but an idle program makes no more of it, so that the collector would
// not come for two minutes, and what it frees would stay resident for longer.
// Something comes from joined when there are new relays.
func giveBack(ctx context.Context, joined <-chan struct{}, parker *vecio.Parker, pool *bufpool.Pool) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var w wave
	for often := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-joined:
			if often == 0 {
				tick.Reset(lookOften)
			}
			often = looksAfter
			continue
		case <-tick.C:
		}
		if often > 0 {
			if often--; often == 0 {
				tick.Reset(lookEvery)
			}
		}
		if w.over(parker.Stats().Watched) {
			if pool != nil {
				pool.Trim()
			}
			bufpool.Default().Trim() // what was given no pool takes from there
			runtime.GC()             // frees the stacks; the next one frees what they lay in
			debug.FreeOSMemory()
		}
	}
}

// A wave is the growth of the number of parked sockets.
type wave struct {
	before int // that number when memory was given back, less what has woken since
	last   int // when it was looked at last
}

// over reports whether many have been parked, and none since it was asked last.
func (w *wave) over(parked int) bool {
	calm := parked <= w.last
	w.last = parked
	w.before = min(w.before, parked)
	if !calm || parked < w.before+manyParked {
		return false
	}
	w.before = parked
	return true
}

package connpool_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/connpool"
)

// TestShards: nobody is in a shard while somebody holds the pool, and only one
// at a time ever. What they count is not atomic, so that the race detector and
// the sums tell.
func TestShards(t *testing.T) {
	const turns, inside, holders = 20000, 4, 2
	locks := connpool.NewShards()
	counts := make([]int, 3)
	var running sync.WaitGroup
	for g := range inside {
		running.Go(func() {
			for i := range turns {
				at := (g + i) % len(counts)
				locks.In(at, func() {
					n := counts[at]
					if i%100 == 0 {
						runtime.Gosched() // for whoever does not wait
					}
					counts[at] = n + 1
				})
			}
		})
	}
	for range holders {
		running.Go(func() {
			for range turns / 20 {
				locks.Hold(func() {
					for at := range counts {
						counts[at]++
					}
				})
			}
		})
	}
	running.Wait()
	got := 0
	for _, n := range counts {
		got += n
	}
	if want := inside*turns + holders*turns/20*len(counts); got != want {
		t.Errorf("counted %d turns, want %d", got, want)
	}
}

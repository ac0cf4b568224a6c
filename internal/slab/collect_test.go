package slab_test

import (
	"testing"
	"weak"

	"github.com/headrace-go/headrace/internal/liveheap"
	"github.com/headrace-go/headrace/internal/slab"
)

// An Allocator that nobody has any more goes with what it owns, though every
// collection has it look after its reserve.
func TestAllocatorIsCollected(t *testing.T) {
	// It takes a few: what lies in a sync.Pool survives two of them, and the
	// account of a buffer is settled after the one that finds it.
	const looks = 5
	for _, idle := range []int{1, 2, 50} { // buffers of each class, that is
		w := func() weak.Pointer[slab.Allocator] {
			a := slab.New(slab.Config{})
			for n := 64; n <= slab.MaxSize; n *= 2 {
				var lent [][]byte
				for range idle {
					lent = append(lent, a.Get(n))
				}
				for _, b := range lent {
					a.Put(b)
				}
			}
			return weak.Make(a)
		}()
		for range looks {
			liveheap.Stats() // collects three times
		}
		if w.Value() != nil {
			t.Errorf("with %d idle buffers of each class it is still there", idle)
		}
	}
}

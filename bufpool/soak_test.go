package bufpool_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/internal/await"
)

// TestSoak has 64 goroutines take, lease, share and give back memory of random
// sizes while the collector runs all the time, and looks at what the pool owns
// at every step. With HEADRACE_SOAK=1 it takes a minute.
func TestSoak(t *testing.T) {
	const limit = 8 << 20
	budget := mustBudget(t, bufpool.BudgetConfig{Limit: limit * 3 / 4})
	p := mustNew(t, bufpool.Config{Limit: limit, Reserver: budget})
	rounds := 100
	if debugEnabled || raceEnabled {
		rounds = 20
	}
	var stop atomic.Bool
	if os.Getenv("HEADRACE_SOAK") != "" {
		rounds = math.MaxInt
		time.AfterFunc(time.Minute, func() { stop.Store(true) })
	}
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for !stop.Load() {
			runtime.GC()
		}
	}()
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			w := &soaker{t: t, pool: p, budget: budget, random: rand.New(rand.NewPCG(uint64(g), 1)), stamp: byte(g)}
			for i := 0; i < rounds && !stop.Load(); i++ {
				w.step()
				if owned := p.Stats().Owned; owned > limit {
					t.Errorf("Owned = %d, above the limit %d", owned, limit)
				}
			}
			w.end()
		})
	}
	wg.Wait()
	stop.Store(true)
	<-collected
	s := p.Stats()
	if s.Refused != 0 {
		t.Errorf("Refused = %d, want 0", s.Refused)
	}
	t.Logf("misses %d, over the limit %d, dropped %d, owned at the end %d", s.Misses, s.OverLimit, s.Dropped, s.Owned)
	p.Trim()
	await.Until(t, "all memory is free", func() bool {
		runtime.GC()
		return p.Stats().Owned == 0 && budget.Stats().Used == 0
	})
}

// A soaker holds a few slices and Bufs, all filled with its stamp.
type soaker struct {
	t      *testing.T
	pool   *bufpool.Pool
	budget *bufpool.Budget
	random *rand.Rand
	stamp  byte
	slices [][]byte
	bufs   []bufpool.Buf
}

// size is mostly small, sometimes large, now and then too large.
func (w *soaker) size() int {
	return 1 + w.random.IntN(1<<(4+w.random.IntN(17)))
}

func (w *soaker) step() {
	switch w.random.IntN(4) {
	case 0:
		b := w.pool.Get(w.size())
		w.fill(b)
		w.slices = append(w.slices, b)
	case 1:
		b := w.pool.Lease(w.random.IntN(64), w.size(), w.random.IntN(64))
		w.fill(b.Bytes())
		w.bufs = append(w.bufs, b)
	case 2:
		if len(w.bufs) > 0 {
			w.bufs = append(w.bufs, w.bufs[w.random.IntN(len(w.bufs))].Share())
		}
	case 3:
		if len(w.bufs) > 0 {
			b := w.bufs[w.random.IntN(len(w.bufs))]
			rest, err := b.SplitOff(b.Len() / 2)
			if err != nil {
				w.t.Error(err)
			}
			w.bufs = append(w.bufs, rest)
		}
	}
	if len(w.slices) > 4 {
		w.give(w.random.IntN(len(w.slices)))
	}
	if len(w.bufs) > 4 {
		w.release(w.random.IntN(len(w.bufs)))
	}
}

func (w *soaker) give(i int) {
	w.check(w.slices[i])
	w.pool.Put(w.slices[i])
	w.slices[i] = w.slices[len(w.slices)-1]
	w.slices = w.slices[:len(w.slices)-1]
}

func (w *soaker) release(i int) {
	w.check(w.bufs[i].Bytes())
	w.bufs[i].Release()
	w.bufs[i] = w.bufs[len(w.bufs)-1]
	w.bufs = w.bufs[:len(w.bufs)-1]
}

func (w *soaker) end() {
	for len(w.slices) > 0 {
		w.give(0)
	}
	for len(w.bufs) > 0 {
		w.release(0)
	}
}

func (w *soaker) fill(b []byte) {
	copy(b, bytes.Repeat([]byte{w.stamp}, len(b)))
}

// check looks at 64 bytes or so: all would be most of the work.
func (w *soaker) check(b []byte) {
	for i := 0; i < len(b); i += 1 + len(b)/64 {
		if b[i] != w.stamp {
			w.t.Errorf("memory of %d holds %d at %d of %d: somebody else wrote there", w.stamp, b[i], i, len(b))
			return
		}
	}
}

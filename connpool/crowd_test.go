package connpool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace-go/headrace/connpool"
)

// A crowd is many goroutines that use one Pool, and what must hold meanwhile.
type crowd struct {
	t    *testing.T
	cfg  connpool.Config[string]
	keys []string

	open   map[string]*atomic.Int64 // by key
	total  atomic.Int64
	gets   atomic.Int64
	denied atomic.Int64 // some of them before the Pool had a look at them
	leaves atomic.Int64 // hijacked
}

// A counted connection knows whether somebody has it.
type counted struct {
	net.Conn
	crowd *crowd
	key   string
	lent  atomic.Bool
	gone  atomic.Bool
}

func (c *counted) Close() error {
	c.leave()
	return nil
}

func (c *counted) SetDeadline(time.Time) error { return nil }

// leave has it counted no more.
func (c *counted) leave() {
	if c.gone.CompareAndSwap(false, true) {
		c.crowd.total.Add(-1)
		c.crowd.open[c.key].Add(-1)
	}
}

func (w *crowd) dial(_ context.Context, key string) (net.Conn, error) {
	w.bounded("open", w.total.Add(1), w.cfg.MaxOpen)
	w.bounded("open for "+key, w.open[key].Add(1), w.cfg.MaxOpenPerKey)
	runtime.Gosched()
	return &counted{crowd: w, key: key}, nil
}

func (w *crowd) bounded(what string, n int64, bound int) {
	if bound > 0 && n > int64(bound) {
		w.t.Errorf("%d %s, the bound is %d", n, what, bound)
	}
}

// use is what one of the crowd does.
func (w *crowd) use(p *connpool.Pool[string], r *rand.Rand) {
	for range 100 {
		ctx, cancel := context.WithCancel(w.t.Context())
		mayFail := r.IntN(8) == 0
		if mayFail {
			go cancel()
		}
		w.gets.Add(1)
		key := w.keys[r.IntN(len(w.keys))]
		c, err := p.Get(ctx, key)
		if err != nil {
			if !mayFail || !errors.Is(err, context.Canceled) {
				w.t.Errorf("Get = %v", err)
			}
			w.denied.Add(1)
			cancel()
			continue
		}
		inner := below(c).(*counted)
		if inner.key != key || inner.gone.Load() || !inner.lent.CompareAndSwap(false, true) {
			w.t.Errorf("for %s: of %s, closed %v, lent %v", key, inner.key, inner.gone.Load(), inner.lent.Load())
		}
		runtime.Gosched()
		inner.lent.Store(false)
		switch r.IntN(10) {
		case 0:
			err = c.Discard(nil)
		case 1:
			inner.leave() // before: room is made at once
			w.leaves.Add(1)
			_, err = c.Hijack()
		default:
			err = c.Put()
		}
		if err != nil {
			w.t.Error(err)
		}
		cancel()
	}
}

// watch looks at what the Pool says of itself until done.
func (w *crowd) watch(p *connpool.Pool[string], done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
		}
		s := p.Stats()
		w.bounded("idle", int64(s.Idle), w.cfg.MaxIdle)
		w.bounded("open or being dialed", int64(s.Open+s.Dialing), w.cfg.MaxOpen)
		for _, key := range w.keys {
			s, _ := p.KeyStats(key)
			w.bounded("idle for "+key, int64(s.Idle), w.cfg.MaxIdlePerKey)
			w.bounded("open for "+key, int64(s.Open+s.Dialing), w.cfg.MaxOpenPerKey)
		}
	}
}

// TestCrowd: bounds hold at every moment on many goroutines and keys as well, no
// connection has two users, nobody waits for ever, and nothing is lost count of.
func TestCrowd(t *testing.T) {
	for _, cfg := range []connpool.Config[string]{
		{},
		{MaxIdle: 3},
		{MaxIdle: 20, MaxIdlePerKey: 2, FIFO: true},
		{MaxOpen: 5},
		{MaxOpen: 12, MaxOpenPerKey: 3, MaxIdle: 9, MaxIdlePerKey: 2, MaxUses: 5},
		{MaxOpenPerKey: 1, MaxDialsPerKey: 1},
	} {
		for _, keys := range []int{1, 3, 30} {
			w := &crowd{t: t, cfg: cfg, open: map[string]*atomic.Int64{}}
			for i := range keys {
				key := fmt.Sprint("k", i)
				w.keys = append(w.keys, key)
				w.open[key] = &atomic.Int64{}
			}
			cfg.Dial = w.dial
			p := newPool(t, cfg)
			done := make(chan struct{})
			var watching, crowd sync.WaitGroup
			watching.Go(func() { w.watch(p, done) })
			for seed := range uint64(16) {
				crowd.Go(func() { w.use(p, rand.New(rand.NewPCG(seed, uint64(keys)))) })
			}
			crowd.Wait()
			close(done)
			watching.Wait()
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			s := p.Stats()
			evicted := uint64(0)
			for _, n := range s.Evicted {
				evicted += n
			}
			if lost := w.gets.Load() - int64(s.Hits+s.Misses); lost < 0 || lost > w.denied.Load() {
				t.Errorf("of %d Gets, %d denied, the Pool has counted %d", w.gets.Load(), w.denied.Load(), s.Hits+s.Misses)
			}
			if s.Dials != evicted+uint64(w.leaves.Load()) || w.total.Load() != 0 {
				t.Errorf("of %d dialed %d were evicted and %d left, %d are open", s.Dials, evicted, w.leaves.Load(), w.total.Load())
			}
		}
	}
}

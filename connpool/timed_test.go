package connpool_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/connpool"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// A network is a fake one: each key is a host that answers, refuses or is
// silent, and whose connections are in memory.
type network struct {
	dials   atomic.Int64
	refuses atomic.Bool
	silent  atomic.Bool
	takes   time.Duration
	peers   chan *faultconn.Endpoint // if not nil, of those that were dialed
}

func (n *network) dial(ctx context.Context, key string) (net.Conn, error) {
	n.dials.Add(1)
	if n.silent.Load() && key != "healthy" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	time.Sleep(n.takes)
	if n.refuses.Load() {
		return nil, errors.New("refused")
	}
	a, b := faultconn.Pair(1 << 10)
	if n.peers != nil {
		n.peers <- b
	}
	return a, nil
}

// inBubble runs f with a Pool that is closed at its end.
func inBubble(t *testing.T, cfg connpool.Config[string], n *network, f func(t *testing.T, p *connpool.Pool[string], evicted *evictions)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var evicted evictions
		cfg.Dial, cfg.OnEvict = n.dial, evicted.hook
		if n.peers != nil {
			n.peers = make(chan *faultconn.Endpoint, cap(n.peers))
		}
		p := newPool(t, cfg)
		f(t, p, &evicted)
	})
}

func TestIdleTimeout(t *testing.T) {
	inBubble(t, connpool.Config[string]{IdleTimeout: time.Minute}, &network{}, func(t *testing.T, p *connpool.Pool[string], evicted *evictions) {
		a, b := get(t, p, "k"), get(t, p, "other")
		put(t, a)
		time.Sleep(30 * time.Second)
		put(t, b)
		time.Sleep(30*time.Second - 1)
		synctest.Wait()
		if s := p.Stats(); s.Idle != 2 {
			t.Fatalf("%d idle before IdleTimeout", s.Idle)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if s := p.Stats(); s.Idle != 1 || s.EvictedFor(connpool.CauseIdle) != 1 {
			t.Fatalf("%+v at IdleTimeout", s)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := evicted.take(); !slices.Equal(got, []connpool.Cause{connpool.CauseIdle, connpool.CauseIdle}) {
			t.Errorf("evicted for %v", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := p.Stats(); s.Keys != 0 {
			t.Errorf("%d keys are remembered after a minute", s.Keys)
		}

		// The timer has gone off in vain while all were lent.
		put(t, get(t, p, "k"))
		c := get(t, p, "k")
		time.Sleep(2 * time.Minute)
		put(t, c)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := p.Stats(); s.Hits != 1 || s.Idle != 0 || s.EvictedFor(connpool.CauseIdle) != 3 {
			t.Errorf("%+v a minute later", s)
		}
	})
}

// TestLifetimeOfBusyConnections: it ends those too that are never idle for long,
// and not all at once.
func TestLifetimeOfBusyConnections(t *testing.T) {
	inBubble(t, connpool.Config[string]{Lifetime: time.Hour, LifetimeJitter: 0.5}, &network{}, func(t *testing.T, p *connpool.Pool[string], evicted *evictions) {
		start := time.Now()
		var ages []time.Duration
		busy := make([]*connpool.Conn, 20)
		for i := range busy {
			busy[i] = get(t, p, "k")
		}
		for len(ages) < len(busy) && time.Since(start) < 2*time.Hour {
			time.Sleep(time.Minute)
			for i, c := range busy {
				if c == nil {
					continue
				}
				put(t, c)
				if len(evicted.take()) > 0 {
					ages = append(ages, time.Since(start))
					busy[i] = nil
				} else {
					busy[i] = get(t, p, "k")
				}
			}
		}
		if len(ages) != len(busy) {
			t.Fatalf("%d of %d came to their end", len(ages), len(busy))
		}
		if ages[0] < 30*time.Minute || ages[len(ages)-1] > time.Hour+time.Minute || ages[0] == ages[len(ages)-1] {
			t.Errorf("they ended between %v and %v", ages[0], ages[len(ages)-1])
		}
	})
}

// TestBreaker: dials back off, then nobody waits for them any more, then one is
// tried, and its success is everybody's.
func TestBreaker(t *testing.T) {
	n := &network{takes: 10 * time.Millisecond}
	cfg := connpool.Config[string]{BackoffMin: time.Second, BackoffMax: 16 * time.Second, BreakAfter: 3}
	inBubble(t, cfg, n, func(t *testing.T, p *connpool.Pool[string], _ *evictions) {
		n.refuses.Store(true)
		fail := func() *connpool.DialError {
			t.Helper()
			_, err := p.Get(t.Context(), "k")
			var d *connpool.DialError
			if !errors.As(err, &d) || d.Key != "k" {
				t.Fatalf("Get = %v, want a DialError", err)
			}
			return d
		}
		start := time.Now()
		for round, bounds := range [][2]time.Duration{{0, 0}, {500 * time.Millisecond, time.Second}, {time.Second, 2 * time.Second}} {
			d := fail() // waits for the backoff of the round before
			took := time.Since(start) - n.takes
			if took < bounds[0] || took > bounds[1] {
				t.Errorf("round %d began after %v, want between %v and %v", round+1, took, bounds[0], bounds[1])
			}
			if errors.Is(d, connpool.ErrBroken) {
				t.Errorf("broken after round %d", round+1)
			}
			start = time.Now()
		}
		before := n.dials.Load()
		d := fail()
		if !errors.Is(d, connpool.ErrBroken) || time.Since(start) != 0 || n.dials.Load() != before {
			t.Fatalf("Get with an open breaker = %v after %v", d, time.Since(start))
		}
		if wait := time.Until(d.Retry); wait < 2*time.Second || wait > 4*time.Second {
			t.Errorf("the next try comes in %v", wait)
		}
		if s := p.Stats(); s.Refused != 1 || s.DialErrors != 3 {
			t.Errorf("%+v", s)
		}

		// Half open: one is tried, for all that have come.
		time.Sleep(time.Until(d.Retry))
		n.refuses.Store(false)
		got := make(chan error, 5)
		for range cap(got) {
			go func() {
				_, err := p.Get(context.Background(), "k")
				got <- err
			}()
		}
		synctest.Wait()
		if s := p.Stats(); s.Dialing != 1 || s.Waiting != 5 {
			t.Errorf("half open: %d dials, %d wait", s.Dialing, s.Waiting)
		}
		time.Sleep(n.takes)
		synctest.Wait()
		if s := p.Stats(); s.Dialing != 4 || s.Waiting != 4 {
			t.Errorf("closed again: %d dials, %d wait", s.Dialing, s.Waiting)
		}
		for range cap(got) {
			if err := <-got; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestBlackHole: a key that does not answer delays no other, not even where both
// share a bound, and those who give up leave nothing behind.
func TestBlackHole(t *testing.T) {
	n := &network{}
	inBubble(t, connpool.Config[string]{MaxOpen: 10, DialTimeout: 5 * time.Second}, n, func(t *testing.T, p *connpool.Pool[string], _ *evictions) {
		n.silent.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 100)
		for range cap(failed) {
			go func() {
				_, err := p.Get(ctx, "hole")
				failed <- err
			}()
		}
		synctest.Wait()
		if s, _ := p.KeyStats("hole"); s.Dialing != 5 || s.Waiting != 100 {
			t.Errorf("%d dials, %d wait; want half of MaxOpen and all", s.Dialing, s.Waiting)
		}
		start := time.Now()
		put(t, get(t, p, "healthy"))
		if took := time.Since(start); took != 0 {
			t.Errorf("another key waited for %v", took)
		}
		cancel()
		for range cap(failed) {
			if err := <-failed; !errors.Is(err, context.Canceled) {
				t.Errorf("Get = %v, want context.Canceled", err)
			}
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if s := p.Stats(); s.Dialing != 0 || s.Waiting != 0 || s.DialErrors != 5 {
			t.Errorf("%+v", s)
		}
		_, err := p.Get(t.Context(), "hole")
		var d *connpool.DialError
		if !errors.As(err, &d) || !d.Timeout() {
			t.Errorf("Get = %v, want a timeout", err)
		}
	})
}

// TestKeysTakeTurns: at the bound on all, who came first is served first, though
// the connection that becomes free has another key.
func TestKeysTakeTurns(t *testing.T) {
	inBubble(t, connpool.Config[string]{MaxOpen: 1}, &network{}, func(t *testing.T, p *connpool.Pool[string], evicted *evictions) {
		c := get(t, p, "a")
		order := make(chan string, 4)
		for _, key := range []string{"b", "a", "c", "b"} {
			go func() {
				c, err := p.Get(context.Background(), key)
				if err != nil {
					t.Error(err)
					return
				}
				order <- key
				time.Sleep(time.Second)
				if err := c.Put(); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		put(t, c)
		var got []string
		for range cap(order) {
			got = append(got, <-order)
		}
		if want := []string{"b", "a", "c", "b"}; !slices.Equal(got, want) {
			t.Errorf("served in the order %q, want %q", got, want)
		}
		for _, cause := range evicted.take() {
			if cause != connpool.CauseRoom {
				t.Errorf("evicted for %v", cause)
			}
		}
		time.Sleep(time.Second)
	})
}

func TestWarm(t *testing.T) {
	n := &network{takes: 10 * time.Millisecond}
	cfg := connpool.Config[string]{IdleTimeout: time.Minute, MaxIdlePerKey: 3}
	inBubble(t, cfg, n, func(t *testing.T, p *connpool.Pool[string], _ *evictions) {
		if p.Warm("k", 4) == nil || p.Warm("k", -1) == nil {
			t.Error("Warm takes what it cannot keep")
		}
		if err := p.Warm("k", 3); err != nil {
			t.Fatal(err)
		}
		idle := func(want int) {
			t.Helper()
			time.Sleep(connpool.ReserveDelay + n.takes)
			synctest.Wait()
			if s := p.Stats(); s.Idle != want {
				t.Errorf("%d idle, want %d", s.Idle, want)
			}
		}
		idle(3)
		a, b := get(t, p, "k"), get(t, p, "k")
		synctest.Wait()
		if s := p.Stats(); s.Misses != 0 || a.Reused() || s.Dialing != 0 {
			t.Errorf("%+v", s) // a dial now would compete with what a and b are for
		}
		idle(3)
		put(t, a)
		b.Discard(nil)
		idle(3)
		time.Sleep(time.Minute)
		idle(3) // anew
		n.refuses.Store(true)
		p.Reset()
		idle(0)
		n.refuses.Store(false)
		time.Sleep(time.Minute)
		idle(3)
		p.Drain("k")
		idle(0)
	})
}

// TestStillborn: a peer that hangs up on connections before anybody has used
// them is not dialed in a circle.
func TestStillborn(t *testing.T) {
	n := &network{}
	check := func(net.Conn) error { return errors.New("gone") }
	cfg := connpool.Config[string]{Check: check, BackoffMin: time.Second, BackoffMax: 8 * time.Second}
	inBubble(t, cfg, n, func(t *testing.T, p *connpool.Pool[string], _ *evictions) {
		if err := p.Warm("k", 1); err != nil {
			t.Fatal(err)
		}
		for range 600 { // a minute
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			if p.Stats().Idle == 0 {
				continue
			}
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				synctest.Wait()
				cancel()
			}()
			c, err := p.Get(ctx, "k") // finds it dead; its own dial is a new one
			cancel()
			if err == nil {
				c.Discard(nil)
			}
		}
		if got := n.dials.Load(); got > 60 {
			t.Errorf("%d dials in a minute", got)
		}
	})
}

// TestReserveRecovers: a reserve that was of use makes up for those that were
// not, and leaves no backoff that grows for ever.
func TestReserveRecovers(t *testing.T) {
	var gone atomic.Bool
	check := func(net.Conn) error {
		if gone.Load() {
			return errors.New("gone")
		}
		return nil
	}
	give := map[string]func(c *connpool.Conn) error{
		"put": (*connpool.Conn).Put,
		"hijack": func(c *connpool.Conn) error {
			inner, err := c.Hijack()
			if err == nil {
				err = inner.Close()
			}
			return err
		},
	}
	for name, back := range give {
		n := &network{}
		cfg := connpool.Config[string]{Check: check, BackoffMin: time.Second, BackoffMax: time.Hour, MaxUses: 1}
		inBubble(t, cfg, n, func(t *testing.T, p *connpool.Pool[string], _ *evictions) {
			if err := p.Warm("k", 1); err != nil {
				t.Fatal(err)
			}
			for range 10 {
				synctest.Wait()
				if s := p.Stats(); s.Idle != 1 {
					t.Fatalf("%s: %d ready", name, s.Idle)
				}
				gone.Store(true)
				ctx, cancel := context.WithCancel(t.Context())
				failed := make(chan error, 1)
				n.takes = time.Minute // nobody gets a connection that was not made in reserve
				go func() {
					_, err := p.Get(ctx, "k")
					failed <- err
				}()
				synctest.Wait()
				cancel()
				if err := <-failed; !errors.Is(err, context.Canceled) {
					t.Fatalf("%s: Get = %v", name, err)
				}
				gone.Store(false)
				n.takes = 0
				time.Sleep(2 * time.Minute) // what was being dialed is ready
				synctest.Wait()
				c := get(t, p, "k")
				if err := back(c); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
		})
	}
}

// TestPreconnect: with a steady demand that uses connections up, nobody waits
// for a dial after the first seconds; without demand nothing is dialed.
func TestPreconnect(t *testing.T) {
	n := &network{takes: 100 * time.Millisecond}
	inBubble(t, connpool.Config[string]{Preconnect: 2, IdleTimeout: 10 * time.Second}, n, func(t *testing.T, p *connpool.Pool[string], _ *evictions) {
		use := func(seconds int) {
			for range seconds * 50 {
				time.Sleep(20 * time.Millisecond)
				get(t, p, "k").Discard(nil)
			}
		}
		use(10)
		before := p.Stats()
		use(10)
		after := p.Stats()
		if misses := after.Misses - before.Misses; misses != 0 {
			t.Errorf("%d of 500 had to wait", misses)
		}
		if n := after.Idle + after.Dialing; n < 10 || n > 20 {
			t.Errorf("%d ready or being dialed for 50 a second that take 100 ms each", n)
		}
		time.Sleep(time.Minute) // in which the estimate fades
		synctest.Wait()
		dials := n.dials.Load()
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := p.Stats(); s.Idle != 0 || n.dials.Load() != dials {
			t.Errorf("without demand: %d idle, %d dials", s.Idle, n.dials.Load()-dials)
		}
	})
}

func TestCloseWaits(t *testing.T) {
	n := &network{takes: time.Second}
	inBubble(t, connpool.Config[string]{}, n, func(t *testing.T, p *connpool.Pool[string], evicted *evictions) {
		idle, lent := get(t, p, "k"), get(t, p, "k")
		put(t, idle)
		waiting := make(chan error, 1)
		go func() {
			_, err := p.Get(context.Background(), "other")
			waiting <- err
		}()
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- p.Close(context.Background()) }()
		if err := <-waiting; !errors.Is(err, connpool.ErrClosed) {
			t.Errorf("the waiting Get = %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(closed) > 0 {
			t.Fatal("Close did not wait for the lent connection")
		}
		put(t, lent)
		if err := <-closed; err != nil {
			t.Errorf("Close = %v", err)
		}
		if got := evicted.take(); len(got) != 2 && len(got) != 3 { // the dial may have ended well
			t.Errorf("evicted for %v", got)
		}
		if _, err := p.Get(t.Context(), "k"); !errors.Is(err, connpool.ErrClosed) {
			t.Errorf("Get = %v", err)
		}
		if err := p.Warm("k", 1); !errors.Is(err, connpool.ErrClosed) {
			t.Errorf("Warm = %v", err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Errorf("a second Close = %v", err)
		}
	})
}

func TestCloseByForce(t *testing.T) {
	inBubble(t, connpool.Config[string]{}, &network{}, func(t *testing.T, p *connpool.Pool[string], _ *evictions) {
		c := get(t, p, "k")
		read := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v", err)
		}
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read = %v", err)
		}
		if s := p.Stats(); s.Open != 0 {
			t.Errorf("%+v", s)
		}
		if err := c.Discard(nil); err != nil {
			t.Errorf("Discard = %v", err)
		}
	})
}

func TestBackoffGrows(t *testing.T) {
	for range 100 {
		for rounds, want := range []time.Duration{0, 100, 200, 400, 800, 1000, 1000, 1000} {
			got := connpool.Backoff(100, 1000, rounds)
			if got > want || got < want/2 {
				t.Fatalf("after %d rounds %d, want between %d and %d", rounds, got, want/2, want)
			}
		}
		if got := connpool.Backoff(time.Second, time.Hour, 200); got > time.Hour || got < time.Hour/2 {
			t.Fatalf("after 200 rounds %v", got)
		}
	}
}

package connpool_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/connpool"
)

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
			time.Sleep(3*connpool.ReservePause + n.takes)
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
		time.Sleep(connpool.ReservePause)
		synctest.Wait()
		if s := p.Stats(); s.Dialing != 1 {
			t.Errorf("%d dials at a time", s.Dialing)
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

// TestWarmIsPutOff: as long as one is taken after the other the reserve is not
// filled up, but not for ever.
func TestWarmIsPutOff(t *testing.T) {
	const often = connpool.ReservePause * 2 / 3
	n := &network{}
	inBubble(t, connpool.Config[string]{MaxIdlePerKey: 64}, n, func(t *testing.T, p *connpool.Pool[string], _ *evictions) {
		if err := p.Warm("k", 64); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := p.Stats(); s.Idle != 64 {
			t.Fatalf("%d idle at first, want all", s.Idle)
		}
		taken := int64(0)
		for ; n.dials.Load() == 64; taken++ {
			if taken*int64(often) > int64(connpool.ReservePatience+connpool.ReservePause) {
				t.Fatal("put off for ever")
			}
			get(t, p, "k").Discard(nil)
			time.Sleep(often)
			synctest.Wait()
		}
		if taken*int64(often) < int64(connpool.ReservePatience) {
			t.Errorf("a dial after %d were taken, within the patience", taken)
		}
		time.Sleep(64 * connpool.ReservePause)
		synctest.Wait()
		if s := p.Stats(); s.Idle != 64 || s.Misses != 0 {
			t.Errorf("%d idle and %d misses at the end", s.Idle, s.Misses)
		}
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

package connpool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/connpool"
)

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

package connpool_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/connpool"
)

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

package mux_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/mux"
)

func TestPoolDialsOnceForAll(t *testing.T) {
	bubble(t, mux.PoolConfig{}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		if n := peer.dialed(); n != 0 {
			t.Errorf("%d dials before the first Open", n)
		}
		opened := make(chan error)
		for range 20 {
			go func() {
				_, err := p.Open(t.Context(), mux.Interactive)
				opened <- err
			}()
		}
		for range 20 {
			if err := <-opened; err != nil {
				t.Errorf("Open: %v", err)
			}
		}
		if n := peer.dialed(); n != 1 {
			t.Errorf("%d dials for streams opened at the same time, want 1", n)
		}
		if s := p.Stats(); s.Sessions != 1 || s.Streams != 20 || s.Opened != 20 {
			t.Errorf("Stats = %+v, want 20 streams on 1 session", s)
		}
	})
}

func TestPoolBacksOff(t *testing.T) {
	bubble(t, mux.PoolConfig{MaxBackoff: time.Second}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		peer.fail(errUnreachable)
		for n := 1; n <= 8; n++ {
			_, err := p.Open(t.Context(), mux.Interactive)
			e, ok := errors.AsType[*mux.DialError](err)
			if !ok || !errors.Is(err, errUnreachable) {
				t.Fatalf("Open = %v, want a *DialError of %v", err, errUnreachable)
			}
			pause := time.Until(e.Until)
			most := min(100*time.Millisecond<<(n-1), time.Second)
			if pause < most/2 || pause > most {
				t.Errorf("failure %d: pause of %v, want %v to %v", n, pause, most/2, most)
			}
			time.Sleep(pause - 1)
			if _, err := p.Open(t.Context(), mux.Interactive); !errors.Is(err, errUnreachable) {
				t.Errorf("Open during the pause = %v", err)
			}
			if got := peer.dialed(); got != n {
				t.Errorf("%d dials after %d failures and a pause, want %d", got, n, n)
			}
			time.Sleep(time.Nanosecond)
		}
		peer.fail(nil)
		mustOpen(t, p, mux.Interactive)
		if s := p.Stats(); s.Dials != 9 || s.DialErrors != 8 {
			t.Errorf("Stats = %+v, want 9 dials, 8 failed", s)
		}
		// Success starts it anew.
		peer.session(0).end(&mux.SessionError{Remote: true})
		peer.fail(errUnreachable)
		_, err := p.Open(t.Context(), mux.Interactive)
		if e, ok := errors.AsType[*mux.DialError](err); !ok || time.Until(e.Until) > 100*time.Millisecond {
			t.Errorf("Open = %v, want a *DialError and a pause of 100 ms at most", err)
		}
	})
}

func TestPoolOpenHonoursContext(t *testing.T) {
	bubble(t, mux.PoolConfig{}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		cause := errors.New("no longer wanted")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, cause)
		defer cancel()
		if _, err := p.Open(ctx, mux.Interactive); err != cause {
			t.Errorf("Open = %v, want the context's cause", err)
		}
		synctest.Wait()
		mustOpen(t, p, mux.Interactive)
		if n := peer.dialed(); n != 1 {
			t.Errorf("%d dials: the first was not used, though nobody else ended it", n)
		}
	})
}

func TestPoolDialTimeout(t *testing.T) {
	bubble(t, mux.PoolConfig{DialTimeout: time.Millisecond}, func(t *testing.T, p *mux.Pool, _ *fakePeer) {
		if _, err := p.Open(t.Context(), mux.Interactive); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open = %v, want the dial's timeout", err)
		}
	})
}

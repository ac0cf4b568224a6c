package mux_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/mux"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bubble runs a test of a Pool over a fakePeer that takes 50 ms to dial.
func bubble(t *testing.T, cfg mux.PoolConfig, test func(t *testing.T, p *mux.Pool, peer *fakePeer)) {
	synctest.Test(t, func(t *testing.T) {
		peer := &fakePeer{takes: 50 * time.Millisecond}
		cfg.Dial = peer.dial
		p, err := mux.NewPool(cfg)
		if err != nil {
			t.Fatal(err)
		}
		test(t, p, peer)
		if err := p.Close(); err != nil && !errors.Is(err, mux.ErrClosed) {
			t.Errorf("Close: %v", err)
		}
		if n := peer.alive(); n != 0 {
			t.Errorf("%d sessions live on after Close", n)
		}
	})
}

func mustOpen(t *testing.T, p *mux.Pool, use mux.Use) *fakeStream {
	t.Helper()
	s, err := p.Open(t.Context(), use)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s.(*fakeStream)
}

func TestPoolRefusesNonsense(t *testing.T) {
	for _, cfg := range []mux.PoolConfig{
		{},
		{Dial: new(fakePeer).dial, MaxSessions: -1},
	} {
		if _, err := mux.NewPool(cfg); err == nil {
			t.Errorf("NewPool(%+v) succeeded", cfg)
		}
	}
}

// TestPoolSessionThatDies: what is open on others goes on, and new streams are
// opened there without any wait.
func TestPoolSessionThatDies(t *testing.T) {
	bubble(t, mux.PoolConfig{MaxSessions: 2}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		talk, bulk := mustOpen(t, p, mux.Interactive), mustOpen(t, p, mux.Bulk)
		if talk.session == bulk.session {
			t.Fatal("both on one session")
		}
		bulk.session.end(&mux.SessionError{Remote: true})
		start := time.Now()
		for _, use := range []mux.Use{mux.Interactive, mux.Bulk, mux.Interactive} {
			s, err := p.Open(t.Context(), use)
			if err != nil {
				t.Fatalf("Open after a death: %v", err)
			}
			if use == mux.Interactive && (s.(*fakeStream).session != talk.session || time.Since(start) > 60*time.Millisecond) {
				t.Errorf("opened on session %d after %v", s.(*fakeStream).session.id, time.Since(start))
			}
		}
		if talk.session.Err() != nil {
			t.Error("the other session ended as well")
		}
		if s := p.Stats(); s.Died != 1 {
			t.Errorf("Stats = %+v, want one session that died", s)
		}
	})
}

func TestPoolClose(t *testing.T) {
	bubble(t, mux.PoolConfig{}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		mustOpen(t, p, mux.Interactive)
		waits := make(chan error)
		go func() {
			peer.session(0).set(func(l *mux.Load) { l.Limit = 1 })
			_, err := p.Open(context.Background(), mux.Interactive) // waits for a dial
			waits <- err
		}()
		synctest.Wait()
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-waits; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Open under way = %v, want ErrClosed", err)
		}
		if _, err := p.Open(t.Context(), mux.Interactive); err != mux.ErrClosed {
			t.Errorf("Open after Close = %v", err)
		}
		if err := p.Close(); err != mux.ErrClosed {
			t.Errorf("second Close = %v", err)
		}
	})
}

func TestPoolShutdown(t *testing.T) {
	bubble(t, mux.PoolConfig{}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		s := mustOpen(t, p, mux.Interactive)
		time.AfterFunc(time.Minute, func() { _ = s.Close() })
		start := time.Now()
		if err := p.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("Shutdown took %v, want until the stream's end after a minute", took)
		}
	})
	bubble(t, mux.PoolConfig{}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		s := mustOpen(t, p, mux.Interactive)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown = %v, want the context's error", err)
		}
		if s.session.Err() == nil {
			t.Error("a session outlives a Shutdown that was cut")
		}
	})
}

// TestPoolOpenWith: the caller's way to open a stream is given the sessions that
// Dial has returned, another one if the first has ended, and its error counts.
func TestPoolOpenWith(t *testing.T) {
	bubble(t, mux.PoolConfig{}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		var asked []int
		open := func(ctx context.Context, s mux.Session) (mux.Stream, error) {
			f := s.(*fakeSession)
			if asked = append(asked, f.id); len(asked) == 1 {
				f.end(&mux.SessionError{Remote: true})
			}
			return s.Open(ctx)
		}
		s, err := p.OpenWith(t.Context(), mux.Interactive, open)
		if err != nil || len(asked) != 2 || asked[0] == asked[1] {
			t.Fatalf("OpenWith = %v after the sessions %v, want a stream of the second", err, asked)
		}
		if s.(*fakeStream).session.id != asked[1] {
			t.Errorf("the stream is of session %d, want %d", s.(*fakeStream).session.id, asked[1])
		}
		if n := p.Stats().Opened; n != 1 {
			t.Errorf("%d streams opened, want 1", n)
		}
		refused := errors.New("refused")
		_, err = p.OpenWith(t.Context(), mux.Interactive, func(context.Context, mux.Session) (mux.Stream, error) { return nil, refused })
		if err != refused {
			t.Errorf("OpenWith = %v, want the error of open", err)
		}
	})
}

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

// TestPoolGrowsOnDelay: neither a longer round trip nor a queue makes anyone
// wait for the session that is dialed because of it.
func TestPoolGrowsOnDelay(t *testing.T) {
	for _, tt := range []struct {
		name string
		slow func(*mux.Load)
		want int
	}{
		{"delay", func(l *mux.Load) { l.RTT = 40 * time.Millisecond }, 2},
		{"queue", func(l *mux.Load) { l.Queued = 300 << 10 }, 2},
		{"neither", func(l *mux.Load) { l.RTT, l.Queued = 15*time.Millisecond, 4<<10 }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, mux.PoolConfig{}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
				mustOpen(t, p, mux.Interactive)
				peer.session(0).set(tt.slow)
				start := time.Now()
				if s := mustOpen(t, p, mux.Interactive); s.session.id != 0 || time.Since(start) != 0 {
					t.Errorf("opened on session %d after %v, want 0 at once", s.session.id, time.Since(start))
				}
				time.Sleep(time.Second)
				if s := mustOpen(t, p, mux.Interactive); s.session.id != tt.want-1 {
					t.Errorf("opened on session %d, want %d", s.session.id, tt.want-1)
				}
				if n := peer.dialed(); n != tt.want {
					t.Errorf("%d sessions, want %d", n, tt.want)
				}
			})
		})
	}
}

func TestPoolNeverExceedsMaxSessions(t *testing.T) {
	for _, most := range []int{1, 2, 4} {
		bubble(t, mux.PoolConfig{MaxSessions: most}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
			for i := range 20 {
				mustOpen(t, p, mux.Use(i%2))
				for j := range peer.dialed() {
					peer.session(j).set(func(l *mux.Load) { l.RTT, l.Queued = time.Second, 1<<20 })
				}
				time.Sleep(time.Second)
			}
			if n := peer.dialed(); n != most {
				t.Errorf("%d sessions, want %d", n, most)
			}
		})
	}
}

// TestPoolKeepsBulkApart: bulk gets sessions of its own, all but one, and gives
// them back when it is over.
func TestPoolKeepsBulkApart(t *testing.T) {
	bubble(t, mux.PoolConfig{MaxSessions: 3}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		talk := mustOpen(t, p, mux.Interactive)
		used := map[int]int{}
		var bulk []*fakeStream
		for range 8 {
			s := mustOpen(t, p, mux.Bulk)
			bulk = append(bulk, s)
			used[s.session.id]++
		}
		if used[talk.session.id] != 0 || len(used) != 2 {
			t.Errorf("bulk streams per session %v beside an interactive one on %d, want two other sessions", used, talk.session.id)
		}
		for range 8 {
			if s := mustOpen(t, p, mux.Interactive); s.session != talk.session {
				t.Errorf("an interactive stream on session %d, which has bulk", s.session.id)
			}
		}
		for _, s := range bulk {
			_ = s.Close()
		}
		time.Sleep(time.Second)
		free := map[int]bool{}
		for range 50 {
			free[mustOpen(t, p, mux.Interactive).session.id] = true
		}
		if len(free) != 3 {
			t.Errorf("after bulk interactive streams use %d sessions, want all 3", len(free))
		}
	})
}

func TestPoolOfOneTakesBulkToo(t *testing.T) {
	bubble(t, mux.PoolConfig{MaxSessions: 1}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		mustOpen(t, p, mux.Interactive)
		mustOpen(t, p, mux.Bulk)
		mustOpen(t, p, mux.Interactive)
		if n := peer.dialed(); n != 1 {
			t.Errorf("%d sessions, want 1", n)
		}
	})
}

// TestPoolReplacesBeforeItDrains: the successor is there before the worn
// session is shut down, and streams on that go on.
func TestPoolReplacesBeforeItDrains(t *testing.T) {
	for _, tt := range []struct {
		name string
		wear func(*fakeSession)
	}{
		{"age", func(*fakeSession) { time.Sleep(time.Minute) }},
		{"bytes", func(s *fakeSession) { s.set(func(l *mux.Load) { l.Bytes = 1 << 20 }) }},
		{"stream ids", func(s *fakeSession) { s.set(func(l *mux.Load) { l.Left = 255 }) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := mux.PoolConfig{MaxAge: time.Minute, MaxBytes: 1 << 20}
			bubble(t, cfg, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
				old := mustOpen(t, p, mux.Interactive)
				tt.wear(old.session)
				next := mustOpen(t, p, mux.Interactive)
				if tt.name != "age" && next.session != old.session {
					t.Fatal("a stream waited for the successor")
				}
				time.Sleep(time.Second)
				if old.session.Err() != nil {
					t.Fatalf("the worn session was ended with a stream on it: %v", old.session.Err())
				}
				if s := mustOpen(t, p, mux.Interactive); s.session.id != 1 {
					t.Errorf("opened on session %d, want the successor", s.session.id)
				}
				if s := p.Stats(); s.Sessions != 1 || s.Draining != 1 || s.Replaced != 1 || s.Died != 0 {
					t.Errorf("Stats = %+v, want one session and one that drains", s)
				}
				_, _ = old.Close(), next.Close()
				synctest.Wait()
				if old.session.Err() == nil {
					t.Error("the worn session outlives its streams")
				}
			})
		})
	}
}

// TestPoolJitter: sessions that are dialed together are not replaced together.
func TestPoolJitter(t *testing.T) {
	ages := map[time.Duration]bool{}
	for range 20 {
		bubble(t, mux.PoolConfig{MaxAge: time.Hour, IdleTimeout: -1, PingInterval: -1}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
			mustOpen(t, p, mux.Interactive)
			born := time.Now()
			for peer.dialed() == 1 {
				time.Sleep(10 * time.Second)
			}
			age := time.Since(born)
			if age < 7*time.Hour/8 || age > time.Hour+10*time.Second {
				t.Errorf("replaced at an age of %v, want 7/8 of an hour to an hour", age)
			}
			ages[age] = true
		})
	}
	if len(ages) < 10 {
		t.Errorf("20 sessions were replaced at %d different ages", len(ages))
	}
}

func TestPoolForgetsWhatDrains(t *testing.T) {
	bubble(t, mux.PoolConfig{}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		old := mustOpen(t, p, mux.Interactive)
		old.session.set(func(l *mux.Load) { l.Draining = true }) // the peer's GOAWAY
		if s := mustOpen(t, p, mux.Interactive); s.session.id != 1 {
			t.Errorf("opened on session %d, want a new one", s.session.id)
		}
		if old.session.Err() != nil {
			t.Error("the stream on the session that drains was cut")
		}
	})
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

// TestPoolRetriesElsewhere: a session that began to drain after it was chosen
// costs the stream nothing.
func TestPoolRetriesElsewhere(t *testing.T) {
	bubble(t, mux.PoolConfig{}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		first := mustOpen(t, p, mux.Interactive)
		first.session.mu.Lock()
		first.session.refusal = mux.ErrDraining
		first.session.mu.Unlock()
		if s := mustOpen(t, p, mux.Interactive); s.session.id != 1 {
			t.Errorf("opened on session %d, want another", s.session.id)
		}
		if s := p.Stats(); s.Retried != 1 {
			t.Errorf("Stats = %+v, want one retried", s)
		}
	})
}

// TestPoolRetriesOnlyWhatIsSafe: an Open that fails on a session that is well
// is the caller's to know.
func TestPoolRetriesOnlyWhatIsSafe(t *testing.T) {
	bubble(t, mux.PoolConfig{}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		s := mustOpen(t, p, mux.Interactive)
		s.session.mu.Lock()
		s.session.refusal = errRefused
		s.session.mu.Unlock()
		if _, err := p.Open(t.Context(), mux.Interactive); err != errRefused {
			t.Errorf("Open = %v, want %v", err, errRefused)
		}
		if n := peer.dialed(); n != 1 {
			t.Errorf("%d dials, want 1", n)
		}
	})
}

func TestPoolFullSessions(t *testing.T) {
	bubble(t, mux.PoolConfig{MaxSessions: 2}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		first := mustOpen(t, p, mux.Interactive)
		first.session.set(func(l *mux.Load) { l.Limit = 1 })
		second := mustOpen(t, p, mux.Interactive)
		if second.session.id != 1 {
			t.Fatalf("opened on a full session")
		}
		second.session.set(func(l *mux.Load) { l.Limit = 1 })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Open(ctx, mux.Interactive); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open on full sessions = %v, want the context's error", err)
		}
		time.AfterFunc(time.Second, func() { _, _ = first.Close(), second.Close() })
		mustOpen(t, p, mux.Interactive)
	})
}

func TestPoolClosesIdleSessions(t *testing.T) {
	bubble(t, mux.PoolConfig{IdleTimeout: time.Minute, PingInterval: -1}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		s := mustOpen(t, p, mux.Interactive)
		time.Sleep(10 * time.Minute)
		if s.session.Err() != nil {
			t.Fatal("closed with a stream on it")
		}
		_ = s.Close()
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		if s.session.Err() != nil {
			t.Error("closed before IdleTimeout")
		}
		time.Sleep(time.Minute/4 + 1)
		synctest.Wait()
		if s.session.Err() == nil {
			t.Error("still open a quarter after IdleTimeout")
		}
	})
}

// TestPoolGivesUpTheSilent: a session that does not answer is closed, and no
// other suffers.
func TestPoolGivesUpTheSilent(t *testing.T) {
	cfg := mux.PoolConfig{MaxSessions: 2, PingInterval: 10 * time.Second, PingTimeout: time.Second}
	bubble(t, cfg, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		talk, bulk := mustOpen(t, p, mux.Interactive), mustOpen(t, p, mux.Bulk)
		time.Sleep(time.Minute)
		if a, b := talk.session.pinged(), bulk.session.pinged(); a < 5 || a > 6 || b < 5 || b > 6 {
			t.Errorf("%d and %d pings in a minute, want 5 or 6", a, b)
		}
		bulk.session.mu.Lock()
		bulk.session.deaf = true
		bulk.session.mu.Unlock()
		time.Sleep(12 * time.Second)
		if bulk.session.Err() == nil || talk.session.Err() != nil {
			t.Errorf("silent session: %v, the other: %v; want the first alone ended", bulk.session.Err(), talk.session.Err())
		}
		if s := p.Stats(); s.Silent != 1 || s.Sessions != 1 {
			t.Errorf("Stats = %+v, want one silent, one left", s)
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

// TestPoolSpreadsBulk: a session that was dialed for bulk is used for it, also
// if its round trips seem longer than those of one that has bulk already.
func TestPoolSpreadsBulk(t *testing.T) {
	bubble(t, mux.PoolConfig{MaxSessions: 4, MaxDelay: -1}, func(t *testing.T, p *mux.Pool, peer *fakePeer) {
		mustOpen(t, p, mux.Interactive)
		used := map[int]int{}
		for range 3 {
			s := mustOpen(t, p, mux.Bulk)
			used[s.session.id]++
			s.session.set(func(l *mux.Load) { l.RTT = 5 * time.Millisecond })
		}
		if len(used) != 3 {
			t.Errorf("3 bulk streams per session %v, want a session for each", used)
		}
	})
}

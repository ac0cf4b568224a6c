package mux_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/mux"
)

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

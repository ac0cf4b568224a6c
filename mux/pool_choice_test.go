package mux_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/headrace-go/headrace/mux"
)

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

package mux_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/mux"
)

// A step is what one turn of the model test does.
type step struct {
	op    string
	n     int
	sleep time.Duration
}

var steps = rapid.Custom(func(t *rapid.T) step {
	return step{
		op: rapid.SampledFrom([]string{
			"open", "open", "open", "bulk", "bulk", "close", "close", "kill", "goaway",
			"slow", "quick", "queue", "carry", "unreachable", "reachable", "sleep", "sleep",
		}).Draw(t, "op"),
		n:     rapid.IntRange(0, 7).Draw(t, "n"),
		sleep: time.Duration(rapid.IntRange(1, 90_000).Draw(t, "ms")) * time.Millisecond,
	}
})

// TestPoolModel runs random histories, and holds the Pool to its promises after
// every turn.
func TestPoolModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		most := rapid.IntRange(1, 4).Draw(rt, "MaxSessions")
		history := rapid.SliceOfN(steps, 20, 200).Draw(rt, "history")
		var broken error
		synctest.Test(t, func(t *testing.T) {
			w := &world{peer: &fakePeer{takes: 50 * time.Millisecond}, most: most}
			p, err := mux.NewPool(mux.PoolConfig{
				Dial: w.peer.dial, MaxSessions: most, MaxAge: 10 * time.Minute, MaxBytes: 1 << 20, IdleTimeout: 3 * time.Minute,
			})
			if err != nil {
				t.Fatal(err)
			}
			w.pool = p
			for i, s := range history {
				if err := w.run(s); err != nil {
					broken = fmt.Errorf("turn %d, %+v: %w", i, s, err)
					break
				}
			}
			_ = p.Close()
			if n := w.peer.alive(); n != 0 && broken == nil {
				broken = fmt.Errorf("%d sessions live on after Close", n)
			}
		})
		if broken != nil {
			rt.Fatal(broken)
		}
	})
}

// A world is a Pool with what it is known to have to do.
type world struct {
	pool    *mux.Pool
	peer    *fakePeer
	most    int
	streams []*fakeStream // open, on sessions that were not killed
}

func (w *world) run(s step) error {
	switch s.op {
	case "open":
		if err := w.open(mux.Interactive); err != nil {
			return err
		}
	case "bulk":
		if err := w.open(mux.Bulk); err != nil {
			return err
		}
	case "close":
		if n := len(w.streams); n > 0 {
			i := s.n % n
			_ = w.streams[i].Close()
			w.streams = append(w.streams[:i], w.streams[i+1:]...)
		}
	case "sleep":
		time.Sleep(s.sleep)
	case "unreachable":
		w.peer.fail(errUnreachable)
		time.Sleep(w.peer.takes) // dials that began before it are over
	case "reachable":
		w.peer.fail(nil)
		time.Sleep(w.peer.takes)
	default:
		w.trouble(s)
	}
	synctest.Wait()
	return w.check()
}

// trouble happens to one session.
func (w *world) trouble(s step) {
	w.peer.mu.Lock()
	n := len(w.peer.sessions)
	w.peer.mu.Unlock()
	if n == 0 {
		return
	}
	session := w.peer.session(s.n % n)
	switch s.op {
	case "kill":
		session.end(&mux.SessionError{Remote: true})
		left := w.streams[:0]
		for _, st := range w.streams {
			if st.session != session {
				left = append(left, st)
			}
		}
		w.streams = left
	case "goaway":
		session.set(func(l *mux.Load) { l.Draining = true })
	case "slow":
		session.set(func(l *mux.Load) { l.RTT = time.Second })
	case "quick":
		session.set(func(l *mux.Load) { l.RTT, l.Queued = time.Millisecond, 0 })
	case "queue":
		session.set(func(l *mux.Load) { l.Queued = 1 << 20 })
	case "carry":
		session.set(func(l *mux.Load) { l.Bytes += 400 << 10 })
	}
}

// healthy reports whether some session can take a stream.
func (w *world) healthy() bool {
	w.peer.mu.Lock()
	sessions := w.peer.sessions
	w.peer.mu.Unlock()
	for _, s := range sessions {
		if s.Err() == nil && !s.Load().Draining {
			return true
		}
	}
	return false
}

func (w *world) open(use mux.Use) error {
	healthy := w.healthy()
	w.peer.mu.Lock()
	reachable := w.peer.err == nil
	w.peer.mu.Unlock()
	start := time.Now()
	s, err := w.pool.Open(context.Background(), use)
	took := time.Since(start)
	switch {
	case err != nil && healthy:
		return fmt.Errorf("Open failed beside a session that is well: %w", err)
	case err != nil && reachable:
		// Only a pause after earlier failures explains it.
		if took > 0 {
			return fmt.Errorf("Open waited %v and failed, though the peer can be reached: %w", took, err)
		}
	case took > 0 && use == mux.Interactive && healthy:
		return fmt.Errorf("an interactive stream waited %v beside a session that is well", took)
	}
	if err == nil {
		w.streams = append(w.streams, s.(*fakeStream))
	}
	return nil
}

func (w *world) check() error {
	stats := w.pool.Stats()
	if stats.Sessions > w.most {
		return fmt.Errorf("%d sessions take streams, %d may", stats.Sessions, w.most)
	}
	for _, s := range w.streams {
		if err := s.session.Err(); err != nil {
			return fmt.Errorf("session %d was ended with a stream on it: %w", s.session.id, err)
		}
	}
	if stats.Streams != len(w.streams) {
		return fmt.Errorf("Stats counts %d streams, %d are open", stats.Streams, len(w.streams))
	}
	return nil
}

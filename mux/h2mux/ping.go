package h2mux

import (
	"context"
	"time"

	"github.com/headrace-go/headrace/mux"
)

var _ mux.Pinger = (*Session)(nil)

// Ping sends a PING and returns how long the peer took to answer it, what was
// queued in front of it included. The error is the session's, or ctx's cause.
// Peers may take frequent PINGs for an attack, and end the session: a few a
// minute are enough. Source: RFC 9113, section 6.7.
func (s *Session) Ping(ctx context.Context) (time.Duration, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	s.mu.Lock()
	if s.err != nil {
		defer s.unlock()
		return 0, s.err
	}
	answered := make(chan time.Duration, 1)
	s.ping(pingCall)
	call := s.rtt.number
	if s.calls == nil {
		s.calls = map[uint64]pendingPing{}
	}
	s.calls[call] = pendingPing{s.rtt.sent, answered}
	s.nudge()
	s.unlock()
	select {
	case took := <-answered:
		return took, nil
	case <-s.done:
		return 0, s.Err()
	case <-ctx.Done():
		s.mu.Lock()
		delete(s.calls, call)
		s.unlock()
		return 0, context.Cause(ctx)
	}
}

// A pendingPing is a Ping that waits for its answer.
type pendingPing struct {
	sent     time.Time
	answered chan<- time.Duration // has room
}

// pingAnswered tells the Ping of that number, if it still waits.
func (s *Session) pingAnswered(number uint64) {
	if call, ok := s.calls[number]; ok {
		delete(s.calls, number)
		call.answered <- max(time.Since(call.sent), time.Microsecond)
	}
}

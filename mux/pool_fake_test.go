package mux_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/headrace-go/headrace/mux"
)

// A fakeSession is as busy, as slow and as alive as its test wants it to be.
type fakeSession struct {
	id    int
	onEnd func()
	done  chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when a stream ends
	load    mux.Load
	err     error
	deaf    bool // answers no ping
	pings   int
	refusal error // what opens fail with, of which Load knows nothing
}

var _ mux.Session = (*fakeSession)(nil)

func newFakeSession(id int) *fakeSession {
	return &fakeSession{
		id: id, done: make(chan struct{}), changed: make(chan struct{}),
		load: mux.Load{Limit: 100, Left: 1 << 30, RTT: 10 * time.Millisecond},
	}
}

// set changes what the session tells of itself.
func (s *fakeSession) set(change func(*mux.Load)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.load)
}

func (s *fakeSession) Load() mux.Load {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load
}

var errRefused = errors.New("fake session: refused")

func (s *fakeSession) Open(ctx context.Context) (mux.Stream, error) {
	for {
		s.mu.Lock()
		changed := s.changed
		switch {
		case s.err != nil:
			s.mu.Unlock()
			return nil, s.err
		case s.load.Draining:
			s.mu.Unlock()
			return nil, mux.ErrDraining
		case s.refusal != nil:
			s.mu.Unlock()
			return nil, s.refusal
		case s.load.Limit == 0 || s.load.Streams < s.load.Limit:
			s.load.Streams++
			s.load.Left--
			s.mu.Unlock()
			return &fakeStream{session: s}, nil
		}
		s.mu.Unlock()
		select {
		case <-changed:
		case <-s.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (s *fakeSession) Accept(context.Context) (mux.Stream, error) { return nil, errors.ErrUnsupported }

// end ends the session once, for the reason err.
func (s *fakeSession) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		s.load.Draining = true
		close(s.done)
		if s.onEnd != nil {
			s.onEnd()
		}
	}
}

func (s *fakeSession) Shutdown(ctx context.Context) error {
	s.set(func(l *mux.Load) { l.Draining = true })
	for {
		s.mu.Lock()
		changed, left := s.changed, s.load.Streams
		s.mu.Unlock()
		if left == 0 {
			s.end(mux.ErrClosed)
			return nil
		}
		select {
		case <-changed:
		case <-s.done:
			return nil
		case <-ctx.Done():
			s.end(mux.ErrClosed)
			return context.Cause(ctx)
		}
	}
}

func (s *fakeSession) Close() error { return s.CloseWithError(mux.NoError, "") }

func (s *fakeSession) CloseWithError(mux.Code, string) error {
	s.end(mux.ErrClosed)
	return nil
}

func (s *fakeSession) Done() <-chan struct{} { return s.done }

func (s *fakeSession) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *fakeSession) LocalAddr() net.Addr  { return nil }
func (s *fakeSession) RemoteAddr() net.Addr { return nil }

func (s *fakeSession) Ping(ctx context.Context) (time.Duration, error) {
	s.mu.Lock()
	s.pings++
	deaf, rtt := s.deaf, s.load.RTT
	s.mu.Unlock()
	if deaf {
		rtt = time.Hour
	}
	select {
	case <-time.After(rtt):
		return rtt, nil
	case <-s.done:
		return 0, s.Err()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (s *fakeSession) pinged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pings
}

// A fakeStream only counts.
type fakeStream struct {
	net.Conn
	session *fakeSession
	once    sync.Once
}

func (s *fakeStream) Close() error {
	s.once.Do(func() {
		s.session.mu.Lock()
		defer s.session.mu.Unlock()
		s.session.load.Streams--
		close(s.session.changed)
		s.session.changed = make(chan struct{})
	})
	return nil
}

func (s *fakeStream) CloseWrite() error    { return nil }
func (s *fakeStream) CloseRead() error     { return nil }
func (s *fakeStream) Reset(mux.Code) error { return s.Close() }

// A fakePeer is dialed, and keeps the sessions.
type fakePeer struct {
	mu       sync.Mutex
	sessions []*fakeSession
	dials    int
	live     int
	takes    time.Duration // to dial
	err      error         // what dials fail with
}

var errUnreachable = errors.New("fake peer: unreachable")

func (p *fakePeer) dial(ctx context.Context) (mux.Session, error) {
	p.mu.Lock()
	p.dials++
	takes, err := p.takes, p.err
	p.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := newFakeSession(len(p.sessions))
	s.onEnd = func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.live--
	}
	p.live++
	p.sessions = append(p.sessions, s)
	return s, nil
}

func (p *fakePeer) dialed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials
}

func (p *fakePeer) alive() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.live
}

func (p *fakePeer) session(i int) *fakeSession {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[i]
}

func (p *fakePeer) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

var _ io.Closer = (*fakeStream)(nil)

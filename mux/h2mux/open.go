package h2mux

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/headrace-go/headrace/mux"
)

// Open returns a tunnel to Config.Authority. It is OpenRequest with the zero
// Request.
func (s *Session) Open(ctx context.Context) (mux.Stream, error) {
	st, err := s.OpenRequest(ctx, Request{})
	if err != nil {
		return nil, err
	}
	return st, nil
}

// OpenRequest returns a new stream. It waits only where as many are open as the
// peer admits, and sends nothing: the request goes with the first Write, Read,
// CloseWrite or Established. The Session owns r.Header from then on.
//
// On a server it fails with an error that matches errors.ErrUnsupported.
func (s *Session) OpenRequest(ctx context.Context, r Request) (*Stream, error) {
	if !s.client {
		return nil, fmt.Errorf("h2mux: an HTTP/2 server opens no streams: %w", errors.ErrUnsupported)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.unlock()
	if s.open >= s.peerLimit {
		err := s.wait(ctx, &s.slots, func() bool { return s.open < s.peerLimit || s.closedToOpen() != nil })
		if err != nil {
			s.slots.Signal() // it may have been the one that was woken
			return nil, err
		}
	}
	if err := s.closedToOpen(); err != nil {
		return nil, err
	}
	if r.Protocol != "" && !s.connect {
		return nil, fmt.Errorf("h2mux: the server has not allowed extended CONNECT: %w", errors.ErrUnsupported)
	}
	st := s.newStream()
	st.request = r
	s.open++
	s.drain.unnumbered++
	s.stats.Opened++
	return st, nil
}

// closedToOpen returns why no stream can be opened any more, if that is so.
func (s *Session) closedToOpen() error {
	switch {
	case s.err == io.EOF:
		return mux.ErrDraining
	case s.err != nil:
		return s.err
	case s.drain.started || s.drain.told,
		int64(s.nextID)+2*int64(s.drain.unnumbered) > maxID:
		return mux.ErrDraining
	}
	return nil
}

// Accept waits for the next tunnel that the peer opens. It is AcceptStream.
func (s *Session) Accept(ctx context.Context) (mux.Stream, error) {
	st, err := s.AcceptStream(ctx)
	if err != nil {
		return nil, err
	}
	return st, nil
}

// AcceptStream waits for the next CONNECT. The stream must be closed. On a
// client it fails with an error that matches errors.ErrUnsupported.
func (s *Session) AcceptStream(ctx context.Context) (*Stream, error) {
	if s.client {
		return nil, fmt.Errorf("h2mux: an HTTP/2 client accepts no streams: %w", errors.ErrUnsupported)
	}
	s.mu.Lock()
	defer s.unlock()
	for {
		if err := s.wait(ctx, &s.arrived, func() bool { return len(s.backlog) > 0 || s.err != nil }); err != nil {
			s.arrived.Signal()
			return nil, err
		}
		if s.err != nil {
			return nil, s.err
		}
		st := s.backlog[0]
		s.backlog[0] = nil
		if s.backlog = s.backlog[1:]; len(s.backlog) == 0 {
			s.backlog = nil
		}
		if st.gone && !st.remoteEnd {
			st.closeLocked() // its client has given it up
			continue
		}
		return st, nil
	}
}

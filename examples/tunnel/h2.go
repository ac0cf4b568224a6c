package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// maxStreams is how many applications share a connection.
const maxStreams = 2000

// A shared dials one session, and another when that opens no more streams.
type shared struct {
	dialer net.Dialer
	server string
	config *tls.Config

	mu      chan struct{} // holds one token: who waits for it may give up
	session *h2mux.Session
}

func h2Client(server string, config *tls.Config) transport {
	s := &shared{dialer: net.Dialer{Timeout: dialTimeout}, server: server, config: config, mu: make(chan struct{}, 1)}
	s.mu <- struct{}{}
	return transport{dial: s.dial, close: s.close}
}

// get returns the session, a new one if the last has ended or is about to.
func (s *shared) get(ctx context.Context) (*h2mux.Session, error) {
	select {
	case <-s.mu:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { s.mu <- struct{}{} }()
	if s.session != nil && !s.session.Load().Draining {
		return s.session, nil
	}
	c, err := s.dialer.DialContext(ctx, "tcp", s.server)
	if err != nil {
		return nil, err
	}
	top, err := handshake(ctx, c, s.config, tlsrecord.Client)
	if err != nil {
		return nil, err
	}
	session, err := h2mux.Client(top, h2mux.Config{})
	if err != nil {
		_ = top.Close()
		return nil, err
	}
	s.session = session
	return session, nil
}

func (s *shared) close() {
	<-s.mu
	if s.session != nil {
		_ = s.session.Close()
	}
}

func (s *shared) dial(ctx context.Context, dest socks.Addr) (net.Conn, error) {
	for {
		session, err := s.get(ctx)
		if err != nil {
			return nil, err
		}
		st, err := session.OpenRequest(ctx, h2mux.Request{Authority: dest.String()})
		if err == nil {
			_, err = st.Established(ctx)
		}
		switch refused, ok := errors.AsType[*h2mux.StatusError](err); {
		case err == nil:
			return st, nil
		case ok && refused.Status == statusUnreachable:
			err = fmt.Errorf("%w: %w", syscall.ECONNREFUSED, err)
		case mux.Unprocessed(err) && ctx.Err() == nil:
			if st != nil {
				_ = st.Close()
			}
			continue // on a new session
		}
		if st != nil {
			_ = st.Close()
		}
		return nil, err
	}
}

// statusUnreachable is the answer for a destination that cannot be reached: bad
// gateway.
const statusUnreachable = 502

func h2Server(config *tls.Config) transport {
	return transport{
		streams: func(ctx context.Context, c net.Conn, deliver func(net.Conn)) error {
			top, err := handshake(ctx, c, config, tlsrecord.Server)
			if err != nil {
				return err
			}
			session, err := h2mux.Server(top, h2mux.Config{MaxStreams: maxStreams})
			if err != nil {
				_ = top.Close()
				return err
			}
			var closing sync.WaitGroup
			stop := context.AfterFunc(ctx, func() { closing.Go(func() { _ = session.Close() }) })
			defer closing.Wait()
			defer stop()
			for {
				st, err := session.AcceptStream(context.Background())
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
				deliver(st)
			}
		},
		request: func(_ context.Context, c net.Conn) (net.Conn, string, error) {
			st := c.(*h2mux.Stream)
			return st, st.Request().Authority, nil
		},
		answer: func(c net.Conn, err error) error {
			st := c.(*h2mux.Stream)
			if err != nil {
				return st.Refuse(statusUnreachable)
			}
			return st.Respond(200)
		},
	}
}

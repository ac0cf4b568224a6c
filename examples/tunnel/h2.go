package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// h2Pool opens a stream with a CONNECT, whose status is the answer.
func h2Pool(server string, sessions int, config *tls.Config) (*pooled, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	p, err := newPooled(sessions, func(ctx context.Context) (mux.Session, error) {
		c, err := dialer.DialContext(ctx, "tcp", server)
		if err != nil {
			return nil, err
		}
		top, err := handshake(ctx, c, config, tlsrecord.Client)
		if err != nil {
			return nil, err
		}
		session, err := h2mux.Client(top, h2mux.Config{})
		if err != nil {
			_ = top.Close()
			return nil, err
		}
		return session, nil
	})
	if err != nil {
		return nil, err
	}
	p.open = func(ctx context.Context, s mux.Session, dest socks.Addr) (mux.Stream, error) {
		st, err := s.(*h2mux.Session).OpenRequest(ctx, h2mux.Request{Authority: dest.String()})
		if err != nil {
			return nil, err
		}
		return st, nil
	}
	p.answer = func(ctx context.Context, st mux.Stream) error {
		_, err := st.(*h2mux.Stream).Established(ctx)
		if refused, ok := errors.AsType[*h2mux.StatusError](err); ok && refused.Status == statusUnreachable {
			return unreachable(err)
		}
		return err
	}
	return p, nil
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

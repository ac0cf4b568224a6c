package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"

	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/quicmux"
)

// A stream of transport quic begins with the destination, as SOCKS5 writes it.
// The answer is one byte in front of what comes back.
const (
	quicReached = iota
	quicUnreachable
)

var (
	errUnreachable = errors.New("tunnel: the server could not reach the destination")
	errAnswer      = errors.New("tunnel: malformed answer")
)

func quicPool(server string, sessions int, config *tls.Config) (*pooled, error) {
	p, err := newPooled(sessions, func(ctx context.Context) (mux.Session, error) {
		session, err := quicmux.Dial(ctx, server, quicmux.Config{TLS: config, MaxStreams: -1})
		if err != nil {
			return nil, err
		}
		return session, nil
	})
	if err != nil {
		return nil, err
	}
	p.open = func(ctx context.Context, s mux.Session, dest socks.Addr) (mux.Stream, error) {
		st, err := s.Open(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := st.Write(dest.Append(nil)); err != nil {
			_ = st.Close()
			return nil, err
		}
		return st, nil
	}
	p.answer = func(ctx context.Context, st mux.Stream) error {
		stop := context.AfterFunc(ctx, func() { _ = st.Reset(mux.Cancel) })
		var b [1]byte
		_, err := io.ReadFull(st, b[:])
		switch {
		case !stop():
			return context.Cause(ctx)
		case err != nil:
			return err
		case b[0] == quicUnreachable:
			return unreachable(errUnreachable)
		case b[0] != quicReached:
			return errAnswer
		}
		return nil
	}
	return p, nil
}

func quicServer(config *tls.Config) transport {
	return transport{
		sessions: func(address string) (serve.SessionListener, error) {
			l, err := quicmux.Listen(address, quicmux.Config{TLS: config, MaxStreams: maxStreams})
			if err != nil {
				return nil, err
			}
			return quicListener{l}, nil
		},
		request: func(_ context.Context, c net.Conn) (net.Conn, string, error) {
			dest, err := socks.ReadAddr(c)
			return c, dest.String(), err
		},
		answer: func(c net.Conn, err error) error {
			b := [1]byte{quicReached}
			if err != nil {
				b[0] = quicUnreachable
			}
			_, err = c.Write(b[:])
			return err
		},
	}
}

// A quicListener is a quicmux.Listener for package serve.
type quicListener struct{ *quicmux.Listener }

func (l quicListener) Accept(ctx context.Context) (serve.Session, error) {
	s, err := l.Listener.Accept(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}

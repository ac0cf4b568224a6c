package quicmux

import (
	"context"
	"errors"
	"net"

	"github.com/quic-go/quic-go"

	"github.com/headrace-go/headrace/mux"
)

// A Listener accepts sessions on a UDP socket, which it owns.
type Listener struct {
	udp       *net.UDPConn
	transport *quic.Transport
	accept    func(context.Context) (*quic.Conn, error)
	windows   *windows
	buffers   Buffers
	bare, gro bool
}

// Listen accepts sessions at addr, "host:port". It starts quic-go's goroutines,
// which Close ends.
func Listen(addr string, cfg Config) (*Listener, error) {
	if err := cfg.normalize(); err != nil {
		return nil, err
	}
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	udp, err := net.ListenUDP("udp", at)
	if err != nil {
		return nil, err
	}
	l := &Listener{udp: udp, buffers: ask(udp), windows: &windows{budget: cfg.Budget}, bare: cfg.Bare}
	through, gro := cfg.through(udp)
	l.gro = gro
	l.transport = &quic.Transport{Conn: through}
	if cfg.Early {
		early, err := l.transport.ListenEarly(cfg.TLS.Clone(), cfg.quic(l.windows))
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.accept = early.Accept
		return l, nil
	}
	plain, err := l.transport.Listen(cfg.TLS.Clone(), cfg.quic(l.windows))
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.accept = plain.Accept
	return l, nil
}

// Accept waits for the next session. After Close the error matches
// net.ErrClosed.
func (l *Listener) Accept(ctx context.Context) (*Session, error) {
	conn, err := l.accept(ctx)
	switch {
	case errors.Is(err, quic.ErrServerClosed), errors.Is(err, quic.ErrTransportClosed):
		return nil, mux.ErrClosed
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	}
	s := newSession(conn, !l.bare, func() { l.windows.release(conn) })
	s.buffers, s.gro = l.buffers, l.gro
	return s, nil
}

// Addr returns the address that the Listener accepts sessions at.
func (l *Listener) Addr() net.Addr { return l.udp.LocalAddr() }

// Close closes the socket, and ends the sessions that were accepted on it: shut
// those down before that are to end in good order.
func (l *Listener) Close() error {
	return errors.Join(l.transport.Close(), l.udp.Close())
}

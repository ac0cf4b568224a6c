package serve

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/headrace-go/headrace/vecio"
)

// Unanswered marks an error of Open as one that the client must not notice: its
// connection is left open, and read and discarded, until it hangs up or
// OpenTimeout is over. Someone who tries what a server answers to then learns as
// much as from a server that is still waiting for the rest.
//
// After any other error the client sees the end of the stream, behind whatever
// reply Open has sent, and is then waited for in the same way: closing at once
// would reset the connection if the client had sent more than was read, and
// that can destroy the reply on its way.
func Unanswered(err error) error { return unanswered{err} }

type unanswered struct{ error }

func (e unanswered) Unwrap() error { return e.error }

// open runs Open within its time. If it fails the error has been logged, and the
// client is closed.
func (s *Server) open(ctx context.Context, client net.Conn) (a, b net.Conn, err error) {
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, s.cfg.OpenTimeout)
	defer cancel()
	unbind := context.AfterFunc(ctx, func() { _ = client.SetReadDeadline(time.Unix(1, 0)) })
	defer unbind()

	a, b, err = s.cfg.Open(ctx, client)
	late := err == nil && !unbind()
	switch {
	case late:
		err = context.Cause(ctx)
	case err == nil:
		return a, b, nil
	}
	if parent.Err() == nil {
		s.refused.Add(1)
		s.cfg.Log.Printf("%v: %v", client.RemoteAddr(), err)
	}
	if _, ok := errors.AsType[unanswered](err); !ok {
		if c, ok := client.(interface{ CloseWrite() error }); ok {
			_ = c.CloseWrite() // it fails only on a connection that is gone
		}
	}
	s.discard(client)
	if late {
		_, _ = a.Close(), b.Close()
	}
	_ = client.Close()
	return nil, nil, err
}

// discard reads from c until there is no more. It holds no memory while it waits.
func (s *Server) discard(c net.Conn) {
	for {
		b, err := vecio.ReadReady(c, s.cfg.Pool)
		if err != nil {
			return
		}
		s.cfg.Pool.Put(b)
	}
}

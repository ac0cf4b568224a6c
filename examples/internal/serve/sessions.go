package serve

import (
	"context"
	"io"
	"net"
	"sync"

	"github.com/headrace-go/headrace/mux"
)

// A SessionListener takes sessions of a protocol whose connections are not
// TCP's.
type SessionListener interface {
	// Accept waits for the next session. An error is the end of all of them.
	Accept(ctx context.Context) (Session, error)
	Addr() net.Addr
	// Close ends the sessions that were accepted as well.
	Close() error
}

// A Session is what the Server needs of a mux.Session.
type Session interface {
	// Accept waits for the next stream that the peer opens. The error is io.EOF
	// after an end that is no failure.
	Accept(ctx context.Context) (mux.Stream, error)
	RemoteAddr() net.Addr
	Close() error
}

// ServeSessions is Serve for the streams of sessions. It starts one goroutine
// for each session as well.
func (s *Server) ServeSessions(ctx context.Context, ln SessionListener) error {
	var conns sync.WaitGroup
	defer conns.Wait()
	defer func() { _ = ln.Close() }() // it fails only if it was closed already
	for {
		session, err := ln.Accept(ctx)
		if ctx.Err() != nil {
			if err == nil {
				_ = session.Close()
			}
			return nil
		}
		if err != nil {
			return err
		}
		conns.Go(func() { s.carrySession(ctx, session, &conns) })
	}
}

// carrySession opens the streams of one session, and closes it in the end.
func (s *Server) carrySession(ctx context.Context, session Session, conns *sync.WaitGroup) {
	defer func() { _ = session.Close() }() // an end of its own comes first
	for {
		stream, err := session.Accept(ctx)
		switch {
		case err == io.EOF, err != nil && ctx.Err() != nil:
			return
		case err != nil:
			s.cfg.Log.Printf("%v: %v", session.RemoteAddr(), err)
			return
		}
		s.accepted.Add(1)
		conns.Add(1)
		go s.handle(ctx, stream, conns.Done)
	}
}

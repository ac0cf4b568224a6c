package serve

import (
	"context"
	"errors"
	"log"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/vecio"
)

// A Server runs one protocol. It is safe for concurrent use.
type Server struct {
	cfg   Config
	meter vecio.Meter

	datagrams *vecio.FlowTable // Main's, or nil

	accepted, refused, joined, cut, idle atomic.Int64

	fresh chan struct{} // has something if there are new relays
}

// New returns a Server. It starts nothing.
func New(cfg Config) *Server {
	if cfg.OpenTimeout == 0 {
		cfg.OpenTimeout = DefaultOpenTimeout
	}
	if cfg.Log == nil {
		cfg.Log = log.Default()
	}
	if cfg.Pool == nil {
		cfg.Pool = bufpool.Default()
	}
	s := &Server{cfg: cfg, fresh: make(chan struct{}, 1)}
	s.cfg.Relay.Meter, s.cfg.Relay.Pool = &s.meter, cfg.Pool
	return s
}

// Stats says what a Server has done so far.
type Stats struct {
	Accepted int64 // connections taken from the listener
	Refused  int64 // of these, how many failed to open
	Joined   int64 // relays that run now
	Cut      int64 // relays that ended with an error
	Idle     int64 // relays that ended by their idle timeout
	Up, Down int64 // bytes relayed from clients and to clients
}

// Stats returns the counters. They are read one by one, while others move.
func (s *Server) Stats() Stats {
	up, down := s.meter.Moved()
	return Stats{
		Accepted: s.accepted.Load(),
		Refused:  s.refused.Load(),
		Joined:   s.joined.Load(),
		Cut:      s.cut.Load(),
		Idle:     s.idle.Load(),
		Up:       up,
		Down:     down,
	}
}

// Serve accepts connections from ln until ctx is done; then it closes ln and
// every connection, waits until all have ended, and returns nil. It returns an
// error only if ln was closed by somebody else. It starts one goroutine for
// each connection, which ends when the connection is open.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		client, err := s.accept(ctx, ln)
		if ctx.Err() != nil {
			if err == nil {
				_ = client.Close()
			}
			return nil
		}
		if err != nil {
			return err
		}
		if s.cfg.Streams != nil {
			conns.Go(func() { s.carry(ctx, client, &conns) })
			continue
		}
		s.accepted.Add(1)
		conns.Add(1)
		go s.handle(ctx, client, conns.Done)
	}
}

// carry opens the streams of one connection.
func (s *Server) carry(ctx context.Context, client net.Conn, conns *sync.WaitGroup) {
	err := s.cfg.Streams(ctx, client, func(stream net.Conn) {
		s.accepted.Add(1)
		conns.Add(1)
		go s.handle(ctx, stream, conns.Done)
	})
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Printf("%v: %v", client.RemoteAddr(), err)
	}
}

// handle opens a connection and has it joined. It calls done once everything of
// it is closed, which is mostly long after handle has returned.
func (s *Server) handle(ctx context.Context, client net.Conn, done func()) {
	a, b, err := s.open(ctx, client)
	if err != nil {
		done()
		return
	}
	s.joined.Add(1)
	select {
	case s.fresh <- struct{}{}:
	default:
	}
	ended := func(_ vecio.RelayStats, err error) {
		s.joined.Add(-1)
		if a, ok := a.(interface{ Failure() error }); ok && a.Failure() != nil {
			err = a.Failure()
		}
		switch {
		case err == nil, ctx.Err() != nil:
		case errors.Is(err, vecio.ErrIdle):
			s.idle.Add(1)
		default:
			s.cut.Add(1)
			s.cfg.Log.Printf("%v -> %v: %v", a.RemoteAddr(), b.RemoteAddr(), err)
		}
		done()
	}
	relay := s.cfg.Relay
	if b, ok := b.(interface{ IdleTimeout() time.Duration }); ok {
		relay.IdleTimeout = b.IdleTimeout()
	}
	if err := vecio.Start(ctx, a, b, relay, ended); err != nil {
		_, _ = a.Close(), b.Close()
		ended(vecio.RelayStats{}, err)
	}
}

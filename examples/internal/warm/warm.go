// Package warm keeps connections to a proxy's server ready, so that a user's
// connection does not wait for the handshakes of the one behind it.
package warm

import (
	"context"
	"net"
	"time"

	"github.com/headrace-go/headrace/connpool"
)

// idleTimeout is less than the minute after which our servers, and most others,
// hang up on somebody who says nothing.
const idleTimeout = 45 * time.Second

// Usage is that of the flag.
const Usage = "keep `n` connections to the server ready; 0 dials for each that is needed"

// A Source gives out connections to one server.
type Source struct {
	dial func(ctx context.Context) (net.Conn, error)
	pool *connpool.Pool[struct{}] // nil: nothing is kept ready
}

// New returns a Source that keeps n connections ready. Each connection that dial
// returns is given out once.
func New(n int, dial func(ctx context.Context) (net.Conn, error)) (*Source, error) {
	s := &Source{dial: dial}
	if n == 0 {
		return s, nil
	}
	pool, err := connpool.New(connpool.Config[struct{}]{
		Dial:          func(ctx context.Context, _ struct{}) (net.Conn, error) { return dial(ctx) },
		MaxIdlePerKey: n,
		MaxIdle:       n,
		IdleTimeout:   idleTimeout,
		FIFO:          true, // none is put back, so that the oldest is as good as any
	})
	if err != nil {
		return nil, err
	}
	s.pool = pool
	return s, pool.Warm(struct{}{}, n)
}

// Get returns a connection, which the caller then owns: one that is ready and
// alive, or else a new one.
func (s *Source) Get(ctx context.Context) (net.Conn, error) {
	if s.pool == nil {
		return s.dial(ctx)
	}
	c, err := s.pool.Get(ctx, struct{}{})
	if err != nil {
		return nil, err
	}
	return c.Hijack()
}

// Close closes what is ready.
func (s *Source) Close() error {
	if s.pool == nil {
		return nil
	}
	return s.pool.Close(context.Background())
}

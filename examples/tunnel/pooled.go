package main

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/mux"
)

// maxStreams is how many applications share a session.
const maxStreams = 2000

// A pooled client carries connections as streams of a few sessions.
type pooled struct {
	pool *mux.Pool
	// open opens a stream to dest on a session that the Pool has dialed.
	open func(ctx context.Context, s mux.Session, dest socks.Addr) (mux.Stream, error)
	// answer waits until the server has reached what the stream is for.
	answer func(ctx context.Context, st mux.Stream) error
}

// newPooled dials with dial as many sessions as are needed, and sessions at
// most.
func newPooled(sessions int, dial func(context.Context) (mux.Session, error)) (*pooled, error) {
	pool, err := mux.NewPool(mux.PoolConfig{
		Dial:        dial,
		DialTimeout: dialTimeout,
		MaxSessions: sessions,
		// Somebody waits for each connection: a server that is back should be
		// found soon.
		MaxBackoff: time.Second,
	})
	if err != nil {
		return nil, err
	}
	return &pooled{pool: pool}, nil
}

// pooledClient is the client's transport over p, unless err says that there is
// none.
func pooledClient(p *pooled, err error) (transport, error) {
	if err != nil {
		return transport{}, err
	}
	return transport{
		dial:  p.dial,
		close: func() { _ = p.pool.Close() }, // it fails only if it was closed before
		stats: func() any { return p.pool.Stats() },
	}, nil
}

// tries bounds the streams that one connection takes, if servers refuse them
// unseen, as they do when they go away.
const tries = 4

func (p *pooled) dial(ctx context.Context, dest socks.Addr) (net.Conn, error) {
	for try := 1; ; try++ {
		st, err := p.pool.OpenWith(ctx, mux.Interactive, func(ctx context.Context, s mux.Session) (mux.Stream, error) {
			return p.open(ctx, s, dest)
		})
		if err != nil {
			return nil, err
		}
		if err = p.answer(ctx, st); err == nil {
			return st, nil
		}
		_ = st.Close()
		if !mux.Unprocessed(err) || ctx.Err() != nil || try == tries {
			return nil, err
		}
	}
}

// unreachable is why a server could not do as it was asked to.
func unreachable(err error) error { return fmt.Errorf("%w: %w", syscall.ECONNREFUSED, err) }

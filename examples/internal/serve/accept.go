package serve

import (
	"context"
	"errors"
	"net"
	"time"
)

// The wait after Accept failed, and its bound after failing again and again.
const (
	firstDelay = 5 * time.Millisecond
	maxDelay   = time.Second
)

// accept returns the next connection. Whatever goes wrong, other than that ln is
// closed, is a lack of descriptors or memory, and may pass: so it says so, waits,
// each time twice as long, and tries again.
func (s *Server) accept(ctx context.Context, ln net.Listener) (net.Conn, error) {
	for delay := firstDelay; ; delay = min(2*delay, maxDelay) {
		c, err := ln.Accept()
		if err == nil || ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return c, err
		}
		s.cfg.Log.Printf("%v; trying again in %v", err, delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, err
		}
	}
}

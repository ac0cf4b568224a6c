package aead

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
)

// GateConfig configures a Gate.
type GateConfig struct {
	// Limit is how many computations may run at a time. Zero means half of
	// GOMAXPROCS, and one at least.
	Limit int
	// MaxWaiting is how many may wait for their turn; more are refused with
	// ErrGateFull. Zero means 1024. Negative means that none may.
	MaxWaiting int
}

// ErrGateFull: as many as may wait at a Gate do.
var ErrGateFull = errors.New("aead: too many wait at the gate")

// A Gate lets so many expensive computations run at a time: handshakes above
// all, a storm of which would otherwise take every processor from the
// connections that are already there. Those that wait come in order, and hold
// nothing but their place. It is safe for concurrent use, and starts no
// goroutine.
type Gate struct {
	slots   chan struct{}
	most    int64
	waiting atomic.Int64
	passed  atomic.Uint64
	refused atomic.Uint64
}

// GateStats counts what a Gate did.
type GateStats struct {
	Running int    // now
	Waiting int    // now
	Passed  uint64 // computations that were let in
	Refused uint64 // those that were not, since too many waited
}

// NewGate returns a Gate. The error matches ErrConfig.
func NewGate(cfg GateConfig) (*Gate, error) {
	if cfg.Limit < 0 {
		return nil, fmt.Errorf("%w: gate for %d at a time", ErrConfig, cfg.Limit)
	}
	limit := cmp.Or(cfg.Limit, max(1, runtime.GOMAXPROCS(0)/2))
	return &Gate{
		slots: make(chan struct{}, limit),
		most:  max(0, int64(cmp.Or(cfg.MaxWaiting, 1024))),
	}, nil
}

// Stats returns what happened so far.
func (g *Gate) Stats() GateStats {
	return GateStats{
		Running: len(g.slots), Waiting: int(g.waiting.Load()),
		Passed: g.passed.Load(), Refused: g.refused.Load(),
	}
}

// Do calls compute when it is its turn, and returns its error. If ctx ends
// before that, or too many wait already, compute is not called, and the error
// is that of ctx, or ErrGateFull.
func (g *Gate) Do(ctx context.Context, compute func() error) error {
	if err := g.enter(ctx); err != nil {
		return err
	}
	defer g.leave()
	return compute()
}

// Handshake is Do for a handshake over raw, which is given a connection to use
// instead: from a Write to the end of the next Read others have their turn, so
// that peers who are slow, or mean to be, take nobody's place. After Handshake that
// connection passes everything through to raw, as TransparentConn tells; it may
// go on being used. handshake uses it from one goroutine at a time.
func (g *Gate) Handshake(ctx context.Context, raw net.Conn, handshake func(net.Conn) error) error {
	c := &gatedConn{Conn: raw, gate: g, ctx: ctx}
	if err := g.enter(ctx); err != nil {
		return err
	}
	c.inside.Store(true)
	defer func() {
		c.step()
		c.over.Store(true)
	}()
	return handshake(c)
}

func (g *Gate) enter(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
	default:
		if g.waiting.Add(1) > g.most {
			g.waiting.Add(-1)
			g.refused.Add(1)
			return ErrGateFull
		}
		err := g.wait(ctx)
		g.waiting.Add(-1)
		if err != nil {
			return err
		}
	}
	g.passed.Add(1)
	return nil
}

// wait takes a slot when it is there. Whoever is runnable by then goes first:
// that is the data path, which has waited for less.
func (g *Gate) wait(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	runtime.Gosched()
	return nil
}

func (g *Gate) leave() { <-g.slots }

// A gatedConn gives its place up while it waits for its peer.
type gatedConn struct {
	net.Conn
	gate   *Gate
	ctx    context.Context
	inside atomic.Bool // holds a slot
	over   atomic.Bool // the handshake is done
}

// Read waits outside, and for its next turn if it has read something: what
// follows is the work on it.
func (c *gatedConn) Read(p []byte) (int, error) {
	if c.over.Load() {
		return c.Conn.Read(p)
	}
	c.step()
	n, err := c.Conn.Read(p)
	if n == 0 && err != nil {
		return n, err
	}
	if werr := c.gate.wait(c.ctx); werr != nil {
		return n, cmp.Or(err, werr)
	}
	c.inside.Store(true)
	return n, err
}

// Write gives the place up: a peer that does not read may block it, and what
// follows a flight is a Read.
func (c *gatedConn) Write(p []byte) (int, error) {
	c.step()
	return c.Conn.Write(p)
}

// step goes outside.
func (c *gatedConn) step() {
	if c.inside.Swap(false) {
		c.gate.leave()
	}
}

// TransparentConn returns the connection below when the handshake is done.
func (c *gatedConn) TransparentConn() (inner net.Conn, moved func(read, written int64)) {
	if !c.over.Load() {
		return nil, nil
	}
	return c.Conn, nil
}

// CloseWrite is that of the connection below, if it has one. Otherwise the
// error matches errors.ErrUnsupported.
func (c *gatedConn) CloseWrite() error {
	cw, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("aead: CloseWrite of %T: %w", c.Conn, errors.ErrUnsupported)
	}
	return cw.CloseWrite()
}

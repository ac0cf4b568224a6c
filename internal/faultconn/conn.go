package faultconn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrTimeout is what a Timeout fault returns: a temporary net.Error that
// matches os.ErrDeadlineExceeded, though no deadline has passed.
var ErrTimeout net.Error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string        { return "faultconn: injected timeout" }
func (timeoutError) Timeout() bool        { return true }
func (timeoutError) Temporary() bool      { return true }
func (timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// A Conn is a net.Conn that misbehaves as its Plan says. Its deadlines hold
// during a stall too.
type Conn struct {
	inner       net.Conn
	closeErr    error
	read, write cursor
	closed      atomic.Bool

	mu      sync.Mutex
	changed sync.Cond // on mu: one of the fields below, for stalled calls
	resumed bool
	dead    error // set by Close or a reset

	readDeadline, writeDeadline deadline

	stalled     chan struct{}
	stalledOnce sync.Once
}

var _ net.Conn = (*Conn)(nil)

// Wrap returns inner with the faults of plan. It panics if the plan makes no
// sense. The Conn owns inner from now on.
func Wrap(inner net.Conn, plan Plan) *Conn {
	c := &Conn{
		inner:    inner,
		closeErr: plan.CloseErr,
		read:     newCursor(plan.Read),
		write:    newCursor(plan.Write),
		stalled:  make(chan struct{}),
	}
	c.changed.L = &c.mu
	return c
}

// Read reads from the conn below, at most one piece.
func (c *Conn) Read(p []byte) (int, error) {
	<-c.read.turn
	defer func() { c.read.turn <- struct{}{} }()
	if err := c.strike(&c.read, &c.readDeadline, io.EOF); err != nil {
		return 0, err
	}
	n, err := c.inner.Read(p[:c.read.piece(len(p))])
	c.read.moved += int64(n)
	return n, c.cause(err)
}

// Write writes p to the conn below, piece by piece. With a short script it
// stops after the first piece and returns its length and no error.
func (c *Conn) Write(p []byte) (int, error) {
	<-c.write.turn
	defer func() { c.write.turn <- struct{}{} }()
	written := 0
	for {
		if err := c.strike(&c.write, &c.writeDeadline, syscall.EPIPE); err != nil {
			return written, err
		}
		rest := p[written:]
		n, err := c.inner.Write(rest[:c.write.piece(len(rest))])
		c.write.moved += int64(n)
		written += n
		if err != nil || written == len(p) || c.write.script.Short {
			return written, c.cause(err)
		}
	}
}

// strike lets the faults happen that are due, and returns the error of the
// call if it is to fail.
func (c *Conn) strike(cur *cursor, d *deadline, end error) error {
	for {
		if dead := c.deadErr(); dead != nil {
			return dead
		}
		fault, ok := cur.due()
		if !ok {
			return nil
		}
		switch fault.Kind {
		case Timeout:
			cur.next++
			return ErrTimeout
		case Stall:
			// A stall that a deadline has cut short goes on in the next call.
			if err := c.stall(d); err != nil {
				return err
			}
			cur.next++
		case End:
			return end
		case Reset:
			c.reset()
		}
	}
}

func (c *Conn) stall(d *deadline) error {
	c.stalledOnce.Do(func() { close(c.stalled) })
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.dead != nil:
			return c.dead
		case d.expired:
			return os.ErrDeadlineExceeded
		case c.resumed:
			return nil
		}
		c.changed.Wait()
	}
}

// Stalled returns a channel that is closed when the first stall begins.
func (c *Conn) Stalled() <-chan struct{} { return c.stalled }

// Resume lifts all stalls, those to come as well.
func (c *Conn) Resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resumed = true
	c.changed.Broadcast()
}

// reset aborts the conn below.
func (c *Conn) reset() {
	if !c.die(syscall.ECONNRESET) {
		return
	}
	switch inner := c.inner.(type) {
	case interface{ Reset() error }:
		inner.Reset()
	case *net.TCPConn:
		inner.SetLinger(0)
		inner.Close()
	default:
		inner.Close()
	}
}

// die makes all calls, stalled ones too, return err from now on, and reports
// whether c was alive. Close is the last word, even over a reset.
func (c *Conn) die(err error) (alive bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	alive = c.dead == nil
	if alive || err == net.ErrClosed {
		c.dead = err
	}
	c.readDeadline.stop()
	c.writeDeadline.stop()
	c.changed.Broadcast()
	return alive
}

func (c *Conn) deadErr() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

// cause returns why an operation of the conn below failed with err: when a
// reset of the other direction has aborted it, it fails in its own words.
func (c *Conn) cause(err error) error {
	if err == nil {
		return nil
	}
	if dead := c.deadErr(); dead != nil {
		return dead
	}
	return err
}

// Close closes the conn below and returns the plan's CloseErr if there is one.
// After a reset there is nothing left to close. A second Close fails with
// net.ErrClosed.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	var err error
	if c.die(net.ErrClosed) {
		err = c.inner.Close()
	}
	if c.closeErr != nil {
		return c.closeErr
	}
	return err
}

// CloseWrite passes on to the conn below. If that has no half-close the error
// matches errors.ErrUnsupported.
func (c *Conn) CloseWrite() error {
	if inner, ok := c.inner.(interface{ CloseWrite() error }); ok {
		return c.cause(inner.CloseWrite())
	}
	return fmt.Errorf("faultconn: CloseWrite on %T: %w", c.inner, errors.ErrUnsupported)
}

// CloseRead passes on to the conn below, like CloseWrite.
func (c *Conn) CloseRead() error {
	if inner, ok := c.inner.(interface{ CloseRead() error }); ok {
		return c.cause(inner.CloseRead())
	}
	return fmt.Errorf("faultconn: CloseRead on %T: %w", c.inner, errors.ErrUnsupported)
}

// SetDeadline sets both deadlines, for stalled calls too.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.setStallDeadlines(t, &c.readDeadline, &c.writeDeadline); err != nil {
		return err
	}
	return c.cause(c.inner.SetDeadline(t))
}

// SetReadDeadline sets when Read fails, a stalled one too.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if err := c.setStallDeadlines(t, &c.readDeadline); err != nil {
		return err
	}
	return c.cause(c.inner.SetReadDeadline(t))
}

// SetWriteDeadline sets when Write fails, a stalled one too.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if err := c.setStallDeadlines(t, &c.writeDeadline); err != nil {
		return err
	}
	return c.cause(c.inner.SetWriteDeadline(t))
}

func (c *Conn) setStallDeadlines(t time.Time, deadlines ...*deadline) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil {
		return c.dead
	}
	for _, d := range deadlines {
		d.set(&c.changed, t)
	}
	return nil
}

// LocalAddr returns the address of the conn below.
func (c *Conn) LocalAddr() net.Addr { return c.inner.LocalAddr() }

// RemoteAddr returns the address of the conn below.
func (c *Conn) RemoteAddr() net.Addr { return c.inner.RemoteAddr() }

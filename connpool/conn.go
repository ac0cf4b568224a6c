package connpool

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// A Conn is a connection lent by a Pool: a fresh handle for each Get. It is
// given back by Put, thrown away by Discard or Close, or taken out of the Pool
// by Hijack; whichever comes first ends the handle, and from then on its
// methods fail with ErrClosed, whoever has the connection now. Only the
// addresses, Reused, Age and Uses remain.
//
// It is safe for concurrent use, as net.Conn demands.
type Conn struct {
	m     *member
	calls atomic.Int32 // under way; negative once the handle has ended
	marks atomic.Uint32
	uses  int32
}

var (
	_ net.Conn      = (*Conn)(nil)
	_ io.ReaderFrom = (*Conn)(nil)
	_ io.WriterTo   = (*Conn)(nil)
)

// ended is what is added to a handle's calls at its end.
const ended = math.MinInt32 / 2

// Marks tell Put what has been done to the connection.
const (
	markDeadline uint32 = 1 << iota // it may have a deadline
	markSpent                       // a call has failed, or a direction is closed
)

func newConn(m *member) *Conn { return &Conn{m: m, uses: int32(m.uses)} }

// begin reports whether a call may be made; end follows it.
func (c *Conn) begin() bool {
	if c.calls.Add(1) < 0 {
		c.calls.Add(-1)
		return false
	}
	return true
}

func (c *Conn) end() { c.calls.Add(-1) }

// finish ends the handle. It reports how many calls are under way, and false
// if it has ended before.
func (c *Conn) finish() (calls int32, ok bool) {
	for {
		n := c.calls.Load()
		if n < 0 {
			return 0, false
		}
		if c.calls.CompareAndSwap(n, n+ended) {
			return n, true
		}
	}
}

func (c *Conn) mark(m uint32) {
	if c.marks.Load()&m == 0 {
		c.marks.Or(m)
	}
}

// failed marks the connection as spent if err says so, and returns err.
func (c *Conn) failed(err error) error {
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.mark(markSpent)
	}
	return err
}

// Put gives the connection back, without its deadlines. It returns nil if the
// connection was in order; whether the Pool keeps it is the Pool's affair. It
// is closed, and Put says why, if a call on it is under way (ErrInUse), if it
// has unread data (ErrUnread), or if a call has failed or a direction was
// closed (ErrSpent). A read that only ran into its deadline is no failure.
//
// With sockets it makes one system call, to look for unread data.
func (c *Conn) Put() error {
	calls, ok := c.finish()
	switch {
	case !ok:
		return ErrClosed
	case calls > 0:
		c.m.core.put(c.m, CauseInUse, ErrInUse)
		return ErrInUse
	}
	marks := c.marks.Load()
	if marks&markSpent != 0 {
		c.m.core.put(c.m, CauseSpent, ErrSpent)
		return ErrSpent
	}
	if marks&markDeadline != 0 {
		if err := c.m.conn.SetDeadline(time.Time{}); err != nil {
			c.m.core.put(c.m, CauseSpent, err)
			return fmt.Errorf("%w: %w", ErrSpent, err)
		}
	}
	cause, err := c.m.core.inspect(c.m)
	c.m.core.put(c.m, cause, err)
	if cause == CausePeerClosed {
		return nil // that happens to anybody
	}
	return err
}

// Discard closes the connection because of err, which the Pool's OnEvict is
// told; nil is fine. It returns ErrClosed if the handle had ended before.
func (c *Conn) Discard(err error) error {
	if _, ok := c.finish(); !ok {
		return ErrClosed
	}
	c.m.core.put(c.m, CauseDiscarded, err)
	return nil
}

// Close is Discard(nil): a Conn that is not put back is not reused.
func (c *Conn) Close() error { return c.Discard(nil) }

// Hijack takes the connection out of the Pool: the caller owns it from now on.
// The Pool's bounds do not count it any more.
func (c *Conn) Hijack() (net.Conn, error) {
	calls, ok := c.finish()
	if !ok || !c.m.core.hijack(c.m) {
		return nil, ErrClosed
	}
	if calls > 0 { // they go on: the connection is the same
		c.mark(markDeadline)
	}
	if c.m.held.any() {
		return &prefixed{Conn: c.m.conn, held: &c.m.held}, nil
	}
	return c.m.conn, nil
}

// Reused reports whether somebody else had the connection before: then a
// request that fails at once may just have come too late, and can be tried on
// another one.
func (c *Conn) Reused() bool { return c.uses > 1 }

// Uses returns how often the connection has been lent, this time included.
func (c *Conn) Uses() int { return int(c.uses) }

// Age returns how long ago the connection was dialed.
func (c *Conn) Age() time.Duration { return c.m.core.now() - c.m.born }

// LocalAddr returns the connection's local address.
func (c *Conn) LocalAddr() net.Addr { return c.m.conn.LocalAddr() }

// RemoteAddr returns the connection's remote address.
func (c *Conn) RemoteAddr() net.Addr { return c.m.conn.RemoteAddr() }

// TransparentConn returns the connection below, for fast paths that bypass the
// handle, or nil once the handle has ended. Whoever uses it must be done before
// the handle ends, and leave it in order: what it does to it is not noticed.
func (c *Conn) TransparentConn() (inner net.Conn, moved func(read, written int64)) {
	if c.calls.Load() < 0 || c.m.held.any() {
		return nil, nil
	}
	c.mark(markDeadline)
	return c.m.conn, nil
}

// Read reads from the connection.
func (c *Conn) Read(b []byte) (int, error) {
	if !c.begin() {
		return 0, ErrClosed
	}
	defer c.end()
	if c.m.held.any() && len(b) > 0 && c.m.held.take(b) {
		return 1, nil
	}
	n, err := c.m.conn.Read(b)
	return n, c.failed(err)
}

// Write writes to the connection. After an error, a timeout too, it cannot be
// put back: part of b may be under way.
func (c *Conn) Write(b []byte) (int, error) {
	if !c.begin() {
		return 0, ErrClosed
	}
	defer c.end()
	n, err := c.m.conn.Write(b)
	if err != nil {
		c.mark(markSpent)
	}
	return n, err
}

// ReadFrom is io.ReaderFrom: it leaves the way to the connection below, which
// may splice.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	if !c.begin() {
		return 0, ErrClosed
	}
	defer c.end()
	n, err := io.Copy(c.m.conn, r)
	if err != nil {
		c.mark(markSpent) // it may be the writes that failed
	}
	return n, err
}

// WriteTo is io.WriterTo. It reads to the connection's end.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	if !c.begin() {
		return 0, ErrClosed
	}
	defer c.end()
	c.mark(markSpent)
	var first [1]byte
	var n int64
	if c.m.held.take(first[:]) {
		if _, err := w.Write(first[:]); err != nil {
			return 0, err
		}
		n = 1
	}
	m, err := io.Copy(w, c.m.conn)
	return n + m, err
}

// CloseWrite ends the outgoing stream. The connection cannot be put back then.
// If it has no half-close the error matches errors.ErrUnsupported.
func (c *Conn) CloseWrite() error {
	inner, ok := c.m.conn.(interface{ CloseWrite() error })
	return c.half(ok, func() error { return inner.CloseWrite() })
}

// CloseRead ends the incoming stream; all else is as for CloseWrite.
func (c *Conn) CloseRead() error {
	inner, ok := c.m.conn.(interface{ CloseRead() error })
	return c.half(ok, func() error { return inner.CloseRead() })
}

func (c *Conn) half(ok bool, f func() error) error {
	if !c.begin() {
		return ErrClosed
	}
	defer c.end()
	if !ok {
		return fmt.Errorf("connpool: half-close of %T: %w", c.m.conn, errors.ErrUnsupported)
	}
	c.mark(markSpent)
	return f()
}

// SetDeadline sets both deadlines. Put takes them back.
func (c *Conn) SetDeadline(t time.Time) error { return c.deadline(net.Conn.SetDeadline, t) }

// SetReadDeadline sets the deadline of reads. Put takes it back.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.deadline(net.Conn.SetReadDeadline, t) }

// SetWriteDeadline sets the deadline of writes. Put takes it back.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.deadline(net.Conn.SetWriteDeadline, t) }

func (c *Conn) deadline(set func(net.Conn, time.Time) error, t time.Time) error {
	if !c.begin() {
		return ErrClosed
	}
	defer c.end()
	c.mark(markDeadline)
	return set(c.m.conn, t)
}

// A prefixed connection gives back the byte that was read ahead.
type prefixed struct {
	net.Conn
	held *held
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(b) > 0 && p.held.take(b) {
		return 1, nil
	}
	return p.Conn.Read(b)
}

// TransparentConn is nil as long as the byte is there.
func (p *prefixed) TransparentConn() (inner net.Conn, moved func(read, written int64)) {
	if p.held.any() {
		return nil, nil
	}
	return p.Conn, nil
}

// CloseWrite ends the outgoing stream, if the connection can do that.
func (p *prefixed) CloseWrite() error {
	if inner, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return inner.CloseWrite()
	}
	return fmt.Errorf("connpool: half-close of %T: %w", p.Conn, errors.ErrUnsupported)
}

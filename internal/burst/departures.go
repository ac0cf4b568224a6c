package burst

import (
	"errors"
	"io"
	"net"
	"os"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/vec"
)

// Departures is what has been sealed, on its way to a destination. What a
// missed deadline leaves behind could not be sealed again: it is kept, and goes
// out in front of all else. It is not safe for concurrent use.
type Departures struct {
	dst  io.Writer
	conn net.Conn    // dst, if it is one
	sock *vec.Writer // the socket under it, if there is one

	pool   growth.Pool
	lender lender
	one    [1][]byte
	held   []byte // keeps unsent; of pool
	unsent []byte // what a missed deadline left behind
}

// Init makes d the departures to dst.
func (d *Departures) Init(dst io.Writer, pool growth.Pool) {
	d.dst, d.pool = dst, pool
	d.conn, _ = dst.(net.Conn)
}

// bind finds the socket under the destination. It is called again and again,
// since a wrapper may become transparent.
func (d *Departures) bind() {
	if d.sock == nil && d.conn != nil {
		d.sock, _ = vec.WriterOf(d.conn)
	}
}

// Send writes wire, a part of buf, which goes back to win. Nothing must be
// waiting. After a missed deadline the rest of wire is kept; any other error is
// the end.
func (d *Departures) Send(win *growth.Window, buf, wire []byte) error {
	if len(wire) == 0 {
		if buf != nil {
			win.Put(buf)
		}
		return nil
	}
	d.bind()
	l := &d.lender
	*l = lender{win: win, held: buf, rest: wire}
	var n int64
	var err error
	if d.sock != nil {
		n, err = d.sock.Drain(l, buf, wire)
	} else {
		n, err = writeAll(d.dst, wire)
	}
	if isTimeout(err) {
		left := len(wire) - int(n)
		d.Keep(l.rest[len(l.rest)-left:])
	}
	win.Put(l.held)
	*l = lender{}
	return err
}

// A lender stands between a write and the window that its buffer is from: a
// write that stalls may shrink it, but one that fails does not lose the rest.
type lender struct {
	win  *growth.Window
	held []byte // what is to go back to the window
	rest []byte // ends where the bytes to be sent end
}

func (l *lender) Shrink(buf, rest []byte) (held, kept []byte) {
	l.held, l.rest = l.win.Shrink(buf, rest)
	return l.held, l.rest
}

func (l *lender) Put([]byte) {}

// Waiting reports whether anything is kept.
func (d *Departures) Waiting() bool { return d.held != nil }

// Keep copies rest, which goes out after what is waiting.
func (d *Departures) Keep(rest []byte) {
	if len(rest) == 0 {
		return
	}
	held := d.pool.Get(len(d.unsent) + len(rest))
	n := copy(held, d.unsent)
	copy(held[n:], rest)
	d.Forget()
	d.held, d.unsent = held, held
}

// Flush sends what is waiting. After a missed deadline the rest waits on; any
// other error is the end.
func (d *Departures) Flush() error {
	if d.held == nil {
		return nil
	}
	d.bind()
	var n int64
	var err error
	if d.sock != nil {
		var k int
		k, err = d.sock.Write(d.unsent)
		n = int64(k)
	} else {
		n, err = writeAll(d.dst, d.unsent)
	}
	d.unsent = d.unsent[n:]
	if err == nil {
		d.Forget()
	}
	return err
}

// Try sends as much of b as the destination takes without waiting, as a last
// word. It reports false if it could not try.
func (d *Departures) Try(b []byte) bool {
	if d.bind(); d.sock == nil {
		return false
	}
	d.one[0] = b
	_, _ = d.sock.TryWritev(d.one[:])
	d.one[0] = nil
	return true
}

// Forget lets go of what is waiting.
func (d *Departures) Forget() {
	if d.held != nil {
		d.pool.Put(d.held)
		d.held, d.unsent = nil, nil
	}
}

// writeAll is Write, with a short count made an error.
func writeAll(dst io.Writer, b []byte) (int64, error) {
	n, err := dst.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return int64(n), err
}

// isTimeout reports whether a stream can go on after err. Other errors that
// call themselves timeouts, such as ETIMEDOUT, are the end of the connection.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

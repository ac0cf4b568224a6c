package faultconn

import (
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

const defaultCapacity = 64 << 10

// An Endpoint is one end of a connection made by Pair.
type Endpoint struct {
	in, out *flow
	closed  atomic.Bool
}

var _ net.Conn = (*Endpoint)(nil)

// Pair returns the two ends of an in-memory connection that behaves like a
// socket: Write returns once its bytes are buffered and blocks while capacity
// bytes are in flight in its direction; Read returns what is there.
// Zero means a capacity of 64 KiB. A negative capacity panics.
//
// Timeouts are os.ErrDeadlineExceeded and a clean end is io.EOF.
// Writing to an end that does not read any more fails with syscall.EPIPE.
func Pair(capacity int) (a, b *Endpoint) {
	if capacity < 0 {
		panic("faultconn: negative capacity")
	}
	if capacity == 0 {
		capacity = defaultCapacity
	}
	up, down := newFlow(capacity), newFlow(capacity)
	return &Endpoint{in: down, out: up}, &Endpoint{in: up, out: down}
}

// Read returns what is there, and waits for it if nothing is.
func (e *Endpoint) Read(p []byte) (int, error) { return e.in.read(p) }

// Write returns once all of p is in flight, or with the count of what is.
// Concurrent writes do not mix.
func (e *Endpoint) Write(p []byte) (int, error) { return e.out.write(p) }

// CloseWrite sends the end of the stream: the peer reads what is in flight and
// then io.EOF. Later writes here fail with syscall.EPIPE.
func (e *Endpoint) CloseWrite() error {
	if e.closed.Load() {
		return net.ErrClosed
	}
	e.out.stopWriting(syscall.EPIPE)
	return nil
}

// CloseRead drops what is in flight to this end, as a stream that was told to
// stop does. Later reads here return io.EOF, the peer's writes fail with
// syscall.EPIPE.
func (e *Endpoint) CloseRead() error {
	if e.closed.Load() {
		return net.ErrClosed
	}
	e.in.stopReading(io.EOF, syscall.EPIPE)
	return nil
}

// Close closes both directions. The peer can still read what is in flight to
// it. Here every call, blocked ones too, fails with net.ErrClosed.
func (e *Endpoint) Close() error {
	if e.closed.Swap(true) {
		return net.ErrClosed
	}
	e.out.stopWriting(net.ErrClosed)
	e.in.stopReading(net.ErrClosed, syscall.EPIPE)
	e.stopTimers()
	return nil
}

// Reset closes the connection in the way of a TCP reset: what is in flight is
// lost, and the peer's calls, blocked ones too, fail with syscall.ECONNRESET.
func (e *Endpoint) Reset() error {
	if e.closed.Swap(true) {
		return net.ErrClosed
	}
	e.out.abort(syscall.ECONNRESET, net.ErrClosed)
	e.in.stopReading(net.ErrClosed, syscall.ECONNRESET)
	e.stopTimers()
	return nil
}

func (e *Endpoint) stopTimers() {
	e.in.setReadDeadline(time.Time{})
	e.out.setWriteDeadline(time.Time{})
}

// SetDeadline sets both deadlines, for blocked calls too.
func (e *Endpoint) SetDeadline(t time.Time) error {
	if err := e.SetReadDeadline(t); err != nil {
		return err
	}
	return e.SetWriteDeadline(t)
}

// SetReadDeadline sets when Read fails, a blocked one too.
func (e *Endpoint) SetReadDeadline(t time.Time) error {
	if e.closed.Load() {
		return net.ErrClosed
	}
	e.in.setReadDeadline(t)
	return nil
}

// SetWriteDeadline sets when Write fails, a blocked one too.
func (e *Endpoint) SetWriteDeadline(t time.Time) error {
	if e.closed.Load() {
		return net.ErrClosed
	}
	e.out.setWriteDeadline(t)
	return nil
}

// LocalAddr returns an address that says "faultconn" and nothing else.
func (e *Endpoint) LocalAddr() net.Addr { return addr{} }

// RemoteAddr returns the same address as LocalAddr.
func (e *Endpoint) RemoteAddr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "faultconn" }
func (addr) String() string  { return "faultconn" }

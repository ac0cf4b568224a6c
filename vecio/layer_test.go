package vecio_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"

	"github.com/headrace-go/headrace/internal/readiness"
)

// counted is a transparent wrapper that counts.
type counted struct {
	net.Conn
	read, written atomic.Int64
}

func (c *counted) TransparentConn() (net.Conn, func(read, written int64)) {
	return c.Conn, func(read, written int64) {
		c.read.Add(read)
		c.written.Add(written)
	}
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// xorConn is a layer above a socket: the simplest cipher, with all that the
// relay asks of one.
type xorConn struct {
	*net.TCPConn
	sock *readiness.Socket
	buf  []byte

	trimmed atomic.Int64
}

func (c *xorConn) Trim() { c.trimmed.Add(1) }

func newXorConn(c net.Conn) *xorConn {
	s, _ := readiness.Of(c)
	return &xorConn{TCPConn: c.(*net.TCPConn), sock: s, buf: make([]byte, 1<<10)}
}

func flip(b []byte) []byte {
	for i := range b {
		b[i] ^= 0x55
	}
	return b
}

func (c *xorConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	flip(p[:n])
	return n, err
}

func (c *xorConn) Write(p []byte) (int, error) {
	return c.TCPConn.Write(flip(append([]byte(nil), p...)))
}

func (c *xorConn) Abort() error {
	c.SetLinger(0)
	return c.Close()
}

func (c *xorConn) Step(dst io.Writer, _ int) (int64, error) {
	n, err := c.sock.TryRead(c.buf)
	if errors.Is(err, readiness.ErrWouldBlock) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err = dst.Write(flip(c.buf[:n]))
	return int64(n), err
}

func (c *xorConn) Ready(watch interface {
	Watch(syscall.Conn, func()) func()
}, wake func()) func() {
	return watch.Watch(c.TCPConn, wake)
}

func (c *xorConn) ReadFrom(r io.Reader) (int64, error) {
	var total int64
	b := make([]byte, 1<<10)
	for {
		n, err := r.Read(b)
		if n > 0 {
			m, werr := c.Write(b[:n])
			total += int64(m)
			if werr != nil {
				return total, werr
			}
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func (c *xorConn) WriteTo(io.Writer) (int64, error) { panic("the relay steps") }

// A readyConn can be waited for without a buffer, but not watched.
type readyConn struct {
	*net.TCPConn
	r *bufio.Reader
}

func newReadyConn(c net.Conn) *readyConn {
	return &readyConn{TCPConn: c.(*net.TCPConn), r: bufio.NewReaderSize(c, 1<<10)}
}

func (c *readyConn) Read(p []byte) (int, error) { return c.r.Read(p) }

func (c *readyConn) ReadReady(p interface {
	Get(n int) []byte
	Put(b []byte)
}) ([]byte, error) {
	if _, err := c.r.Peek(1); err != nil {
		return nil, err
	}
	b := p.Get(1 << 10)
	n, _ := c.r.Read(b) // there is something
	return b[:n], nil
}

func (c *readyConn) Abort() error {
	c.SetLinger(0)
	return c.Close()
}

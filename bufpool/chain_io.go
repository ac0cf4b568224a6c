package bufpool

import (
	"errors"
	"io"
	"net"

	"github.com/headrace-go/headrace/internal/vec"
)

const (
	firstRead   = 4 << 10 // leased for the first read
	largestRead = 64 << 10
	leastRead   = 512 // tailroom worth a read of its own

	defaultChainLimit = 1 << 20
	maxEmptyReads     = 100
)

var (
	errInvalidRead  = errors.New("bufpool: reader returned an impossible count")
	errInvalidWrite = errors.New("bufpool: writer returned an impossible count")
)

// ReadFrom appends what r gives until it ends, and returns how much that was.
// Each buffer that fills up is followed by a larger one. When Len has reached Limit and r has not
// ended, ReadFrom returns ErrLimit; reading again after some bytes were
// consumed goes on where it stopped. A clean end of r is no error.
//
// While r waits, a buffer is held: who waits for idle connections should do so
// before.
func (c *Chain) ReadFrom(r io.Reader) (int64, error) {
	total := int64(0)
	size, empty := firstRead, 0
	for {
		room := c.room()
		if room == 0 {
			return total, ErrLimit
		}
		b, fresh := c.tail(min(size, room))
		space := b.Reserve()
		space = space[:min(len(space), room)]
		n, err := r.Read(space)
		if uint(n) > uint(len(space)) {
			n, err = 0, errInvalidRead
		}
		_ = b.Commit(n) // within the tailroom
		if fresh {
			c.Push(b)
		} else {
			c.n += n
		}
		total += int64(n)
		switch {
		case err == io.EOF:
			return total, nil
		case err != nil:
			return total, err
		case n == 0:
			if empty++; empty == maxEmptyReads {
				return total, io.ErrNoProgress
			}
			continue
		case b.Tailroom() < leastRead:
			size = min(2*size, largestRead)
		}
		empty = 0
	}
}

// room returns how many bytes Limit still allows.
func (c *Chain) room() int {
	switch {
	case c.Limit < 0:
		return largestRead
	case c.Limit == 0:
		return max(defaultChainLimit-c.n, 0)
	default:
		return max(c.Limit-c.n, 0)
	}
}

// tail returns a Buf with tailroom: the last one, if it has enough, or a fresh
// one, which is not pushed yet.
func (c *Chain) tail(size int) (b Buf, fresh bool) {
	if c.head < len(c.bufs) {
		last := c.bufs[len(c.bufs)-1]
		if last.Tailroom() >= min(size, leastRead) {
			return last, false
		}
	}
	p := c.Pool
	if p == nil {
		p = Default()
	}
	return p.Lease(0, 0, size), true
}

// WriteTo writes all bytes to w and releases each Buf whose bytes have left.
// What w did not accept, because of the error that is returned, stays in the
// Chain.
//
// Sockets get as few system calls as the system takes, and partial writes are
// finished. So is anything with a method Writev([][]byte) (int64, error), which
// must not keep the slices. All others get one Write for each Buf.
func (c *Chain) WriteTo(w io.Writer) (int64, error) {
	gather := c.gatherer(w)
	total := int64(0)
	for c.n > 0 {
		var n int64
		var err error
		var offered int
		if gather != nil {
			offered = c.n
			n, err = c.writev(gather)
		} else {
			offered = len(c.Front())
			var written int
			written, err = w.Write(c.Front())
			n = int64(written)
		}
		if n < 0 || n > int64(offered) {
			return total, errInvalidWrite
		}
		c.consume(int(n))
		total += n
		if err == nil && n < int64(offered) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

type gatherer interface {
	Writev(bufs [][]byte) (int64, error)
}

// gatherer returns how w takes several buffers at once, or nil.
func (c *Chain) gatherer(w io.Writer) gatherer {
	switch w.(type) {
	case *net.TCPConn, *net.UnixConn: // comparable, and worth remembering
		if c.out == w {
			return c.outTo
		}
	}
	if conn, ok := w.(net.Conn); ok {
		if sock, ok := vec.WriterOf(conn); ok {
			switch w.(type) {
			case *net.TCPConn, *net.UnixConn:
				c.out, c.outTo = w, sock
			}
			return sock
		}
	}
	g, _ := w.(gatherer)
	return g
}

func (c *Chain) writev(g gatherer) (int64, error) {
	for _, b := range c.bufs[c.head:] {
		c.iov = append(c.iov, b.Bytes())
	}
	n, err := g.Writev(c.iov)
	clear(c.iov)
	c.iov = c.iov[:0]
	return n, err
}

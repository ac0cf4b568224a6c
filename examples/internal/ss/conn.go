package ss

import (
	"errors"
	"io"
	"net"
	"sync/atomic"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/vecio"
)

// A Stream is a ChunkConn that tells what it is over: a relay asks that whether it
// takes more, and leaves the bytes where they are while it does not.
type Stream struct {
	*aead.ChunkConn
	raw net.Conn
}

// NetConn returns the connection below.
func (s *Stream) NetConn() net.Conn { return s.raw }

// A Conn is a Stream that does not let its peer know when a chunk turned out to
// be forged: it reads on, discards what it reads, and fails only when the peer
// hangs up. Its other direction goes on. So whoever alters a stream on its way
// learns nothing from what the server does then.
type Conn struct {
	Stream
	pool   *bufpool.Pool
	forged atomic.Pointer[error]
}

// Failure returns what Conn hides from its peer, and nil while all is well.
func (c *Conn) Failure() error {
	if err := c.forged.Load(); err != nil {
		return *err
	}
	return nil
}

// conceal reports whether err is one to hide, and remembers it.
func (c *Conn) conceal(err error) bool {
	if errors.Is(err, aead.ErrOpen) || errors.Is(err, aead.ErrTooLong) {
		c.forged.Store(&err)
		return true
	}
	return false
}

// Read is ChunkConn's, with the end of a forged stream put off.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.ChunkConn.Read(p)
	if c.conceal(err) {
		err = c.exhaust()
	}
	return n, err
}

// WriteTo is ChunkConn's, with the end of a forged stream put off.
func (c *Conn) WriteTo(dst io.Writer) (int64, error) {
	n, err := c.ChunkConn.WriteTo(dst)
	if c.conceal(err) {
		err = c.exhaust()
	}
	return n, err
}

// Step is ChunkConn's, but nothing ever arrives on a forged stream.
func (c *Conn) Step(dst io.Writer, max int) (int64, error) {
	n, err := c.ChunkConn.Step(dst, max)
	if c.conceal(err) {
		err = nil
	}
	return n, err
}

// Ready is ChunkConn's. For the end of a forged stream only Read can wait.
func (c *Conn) Ready(watch aead.Watcher, wake func()) (cancel func()) {
	if c.Failure() != nil {
		return nil
	}
	return c.ChunkConn.Ready(watch, wake)
}

// Abort is ChunkConn's, but a forged stream ends like any other.
func (c *Conn) Abort() error {
	if c.Failure() != nil {
		return c.Close()
	}
	return c.ChunkConn.Abort()
}

// exhaust discards what the peer still sends, and returns the Failure when there
// is no more. It holds no memory while it waits.
func (c *Conn) exhaust() error {
	for {
		b, err := vecio.ReadReady(c.raw, c.pool)
		if err != nil {
			return c.Failure()
		}
		c.pool.Put(b)
	}
}

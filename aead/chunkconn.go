package aead

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/peel"
)

// A ChunkConn is a ChunkReader and a ChunkWriter over one connection, as a
// net.Conn. Its methods are safe for concurrent use, as those of every
// net.Conn; one goroutine reads and one writes at a time, the others wait.
// Close and Abort do not wait.
//
// The connection below may be used directly when the reading side has failed,
// to read on what cannot be opened.
type ChunkConn struct {
	raw net.Conn
	r   ChunkReader
	w   ChunkWriter

	writeDeadline burst.Deadline
}

// NewChunkConn returns a ChunkConn over raw, which belongs to it from then
// on. The error matches ErrConfig.
func NewChunkConn(raw net.Conn, cfg ChunkConfig) (*ChunkConn, error) {
	if err := cfg.normalize(); err != nil {
		return nil, err
	}
	c := &ChunkConn{raw: raw}
	if err := c.w.init(raw, &cfg); err != nil {
		return nil, err
	}
	if err := c.r.init(raw, &cfg); err != nil {
		return nil, err
	}
	return c, nil
}

// Read is ChunkReader.Read.
func (c *ChunkConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// WriteTo is ChunkReader.WriteTo.
func (c *ChunkConn) WriteTo(dst io.Writer) (int64, error) { return c.r.WriteTo(dst) }

// Step is ChunkReader.Step.
func (c *ChunkConn) Step(dst io.Writer, max int) (int64, error) { return c.r.Step(dst, max) }

// Ready is ChunkReader.Ready.
func (c *ChunkConn) Ready(watch Watcher, wake func()) (cancel func()) {
	return c.r.Ready(watch, wake)
}

// Trim is for a stream that will be idle for a while: the ciphers of both
// directions give up what they can make anew. See ChunkReader.Trim.
func (c *ChunkConn) Trim() {
	c.r.Trim()
	c.w.Trim()
}

// Write is ChunkWriter.Write.
func (c *ChunkConn) Write(p []byte) (int, error) {
	if err := c.writeExpired(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}

// Writev is ChunkWriter.Writev.
func (c *ChunkConn) Writev(bufs [][]byte) (int64, error) {
	if err := c.writeExpired(); err != nil {
		return 0, err
	}
	return c.w.Writev(bufs)
}

// ReadFrom is ChunkWriter.ReadFrom.
func (c *ChunkConn) ReadFrom(src io.Reader) (int64, error) { return c.w.ReadFrom(src) }

// writeExpired keeps a write that could not send anything from sealing: what
// is sealed counts as written.
func (c *ChunkConn) writeExpired() error {
	if c.writeDeadline.Passed() && !c.w.closed.Load() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// CloseWrite is ChunkWriter.CloseWrite.
func (c *ChunkConn) CloseWrite() error { return c.w.CloseWrite() }

// CloseRead closes the reading side of the connection below, if that has
// CloseRead. Otherwise the error matches errors.ErrUnsupported.
func (c *ChunkConn) CloseRead() error {
	cr, ok := c.raw.(interface{ CloseRead() error })
	if !ok {
		return fmt.Errorf("aead: CloseRead of %T: %w", c.raw, errors.ErrUnsupported)
	}
	c.r.ended.Store(true)
	return cr.CloseRead()
}

// Close closes the connection below. Calls under way, and all later ones, end
// with an error that matches net.ErrClosed.
func (c *ChunkConn) Close() error {
	c.r.closed.Store(true)
	c.w.closed.Store(true)
	err := c.raw.Close()
	c.r.close()
	c.w.close()
	return err
}

// Abort closes the connection below so that its peer sees a reset, and not
// the end of a stream that was cut short: with the connection's own Abort, if
// it has one, or by SO_LINGER. Over any other it is Close.
func (c *ChunkConn) Abort() error {
	c.r.closed.Store(true)
	c.w.closed.Store(true)
	err := peel.Abort(c.raw)
	c.r.close()
	c.w.close()
	return err
}

// LocalAddr is that of the connection below.
func (c *ChunkConn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr is that of the connection below.
func (c *ChunkConn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline sets both deadlines of the connection below.
func (c *ChunkConn) SetDeadline(t time.Time) error {
	c.writeDeadline.Set(t)
	return c.raw.SetDeadline(t)
}

// SetReadDeadline sets the read deadline of the connection below. A Read that
// misses it can be repeated, and loses nothing.
func (c *ChunkConn) SetReadDeadline(t time.Time) error { return c.raw.SetReadDeadline(t) }

// SetWriteDeadline sets the write deadline of the connection below. A Write
// that misses it has sealed what it says it wrote: see ChunkWriter.
func (c *ChunkConn) SetWriteDeadline(t time.Time) error {
	c.writeDeadline.Set(t)
	return c.raw.SetWriteDeadline(t)
}

// Stats returns what was opened and what was sealed so far.
func (c *ChunkConn) Stats() (opened, sealed ChunkStats) { return c.r.Stats(), c.w.Stats() }

var _ net.Conn = (*ChunkConn)(nil)

package tlsrecord

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/internal/fused"
	"github.com/headrace-go/headrace/internal/peel"
)

// A Conn is a TLS connection whose handshake is over. Its methods are safe for
// concurrent use, as those of every net.Conn; one goroutine reads and one
// writes at a time, the others wait. Close and Abort do not wait, but for the
// alert that ends the stream.
//
// Explain tells whether its records were taken over. If not, its methods are
// those of the tls.Conn below, but for those that a tls.Conn does not have: see
// there.
type Conn struct {
	raw   net.Conn
	state *tls.ConnectionState
	side  int // byClient or byServer
	top   *tls.Conn
	why   string // top keeps the records

	in     reader
	out    writer
	closed atomic.Bool
}

// errClosed is what a connection says after its Close.
var errClosed = fmt.Errorf("tlsrecord: connection closed: %w", net.ErrClosed)

// errShut is what a Write says after CloseWrite.
var errShut = fmt.Errorf("tlsrecord: writing side closed: %w", net.ErrClosed)

// isTimeout reports whether a connection can go on after err. Other errors that
// call themselves timeouts, such as ETIMEDOUT, are the end of it.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// Read reads content into p: as much as has arrived, or else it waits for
// some. Records that fit are opened straight into p, others in the Conn's
// buffer and copied. When Read fails, or returns less than len(p), it may have
// used the rest of p as scratch space; nothing that is not authentic is left in
// it.
//
// The end of the stream is io.EOF: see Config.StrictEnd. An alert that has ended
// the connection matches tls.AlertError under errors.As, in a *net.OpError as
// crypto/tls has it, whichever side has sent it. A Read that misses its
// deadline loses nothing. It does not allocate (TestAllocs).
func (c *Conn) Read(p []byte) (int, error) {
	if c.top != nil {
		return c.top.Read(p)
	}
	return c.in.read(p)
}

// WriteTo writes all content to dst until the end of the stream, and returns
// how many bytes dst has accepted. It reads a burst of records, opens them in
// place, and writes their contents with one writev if dst is a *net.TCPConn or
// *net.UnixConn, or with one call of Writev([][]byte) (int64, error) if dst has
// it. Contents for any other dst are moved together up to 16 KiB a Write.
//
// What dst did not accept is not lost: it is what is read next. The error is
// dst's or the stream's. A burst does not allocate (TestAllocs).
func (c *Conn) WriteTo(dst io.Writer) (int64, error) {
	if c.top != nil {
		return io.Copy(dst, struct{ io.Reader }{c.top})
	}
	return c.in.writeTo(dst)
}

// Step writes what has arrived to dst, as WriteTo does, and never waits for
// more. It stops at the first record that reaches max bytes, and returns 0 and
// nil if there is nothing now. Then the Conn holds at most the part of one
// record. The end of the stream is io.EOF.
//
// Where Ready is nil, Step moves only what Read has left; if the records were
// not taken over, that is nothing.
func (c *Conn) Step(dst io.Writer, max int) (int64, error) {
	if c.top != nil {
		return 0, nil
	}
	return c.in.step(dst, max)
}

// Ready arranges for one call of wake when Step may have more, unless cancel
// is called before: at once if it has, or else by handing the connection below
// to watch. It returns nil if that is neither a *net.TCPConn or *net.UnixConn,
// also under wrappers with TransparentConn, nor has Step and Ready itself, or
// if the records were not taken over; then only Read can wait. wake may be
// called before Ready returns.
func (c *Conn) Ready(watch Watcher, wake func()) (cancel func()) {
	if c.top != nil {
		return nil
	}
	return c.in.ready(watch, wake)
}

// Trim is for a connection that will be idle for a while: the ciphers of both
// directions give up what they can make anew with the next record, in less
// than a microsecond. A client that has got a session ticket lets go of
// crypto/tls, and of tickets to come. While a direction is in use, it is left
// as it is.
func (c *Conn) Trim() {
	if c.top != nil {
		return
	}
	if c.in.mu.TryLock() {
		if c.in.opener != nil {
			fused.Trim(c.in.cipher)
		}
		if c.in.stored.Load() > 0 {
			c.in.tickets.drop()
		}
		c.in.unlock()
	}
	if c.out.mu.TryLock() {
		if c.out.sealer != nil {
			fused.Trim(c.out.cipher)
		}
		c.out.unlock()
	}
}

// Write seals p, a batch of records at a time, and sends each batch by one
// write. It neither changes nor keeps p. It returns how many bytes of p have
// left, or were accepted under a Cork.
//
// A write that misses its deadline leaves sealed bytes behind that could not be
// sealed again. They are kept, count as written, and go out in front of the next
// write or by CloseWrite. Every other error ends the writing, and comes again
// with each later call. It does not allocate (TestAllocs).
func (c *Conn) Write(p []byte) (int, error) {
	if c.top != nil {
		return c.top.Write(p)
	}
	return c.out.write(p)
}

// Writev is Write of all of bufs, as one stream, in their order. It neither
// changes nor keeps them.
func (c *Conn) Writev(bufs [][]byte) (int64, error) {
	if c.top == nil {
		return c.out.writev(bufs)
	}
	var total int64
	for _, b := range bufs {
		n, err := c.top.Write(b)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// ReadFrom writes all that src has, until its end, and returns how many bytes
// that was. It reads into a buffer that is laid out as records, with one readv
// if src is a *net.TCPConn or *net.UnixConn, also under wrappers with
// TransparentConn, or with one call of Readv([][]byte) (int, error) if src has
// it. Then it seals all of them in place and sends them by one write. A read
// that fills its buffer makes the next one larger, up to Config.MaxBurst.
//
// While ReadFrom waits for a socket it holds no buffer, for a src with Readv
// that has just been short of bytes, or any other, 16 KiB. Writes may go on at
// the same time, between two bursts. Close ends a ReadFrom as soon as src has
// brought something. A burst does not allocate (TestAllocs).
func (c *Conn) ReadFrom(src io.Reader) (int64, error) {
	if c.top != nil {
		return io.Copy(struct{ io.Writer }{c.top}, src)
	}
	return c.out.readFrom(src)
}

// Cork begins to hold what is written, sealed, until Uncork or until there is
// a batch. Every Cork needs its Uncork; between the two nobody may wait for an
// answer to what was written. Corks nest.
func (c *Conn) Cork() {
	if c.top == nil {
		c.out.cork()
	}
}

// Uncork sends what is held, if it ends the outermost Cork. It fails if what a
// Write has accepted could not leave, and so does every later call. It panics
// without a Cork.
func (c *Conn) Uncork() error {
	if c.top != nil {
		return nil
	}
	return c.out.uncork()
}

// UpdateKey changes the key that this side's records are sealed with, and
// asks the peer to do the same if request is true: RFC 8446, section 4.6.3. A
// Conn does so by itself long before a key has protected as many records as it
// may. If the records were not taken over the error matches
// errors.ErrUnsupported.
func (c *Conn) UpdateKey(request bool) error {
	if c.top != nil {
		return fmt.Errorf("tlsrecord: key update by crypto/tls: %w", errors.ErrUnsupported)
	}
	if request {
		return c.out.update(updateRequested)
	}
	return c.out.update(updateNotRequested)
}

// CloseWrite sends the alert that ends the stream, after what a Cork or a missed
// deadline has held back, and waits for five seconds at most until it has left.
// It leaves the connection below as it is; reading goes on.
func (c *Conn) CloseWrite() error {
	if c.top != nil {
		return c.top.CloseWrite()
	}
	return c.out.closeWrite()
}

// CloseRead closes the reading side of the connection below, if that has
// CloseRead: TLS cannot tell the peer. Otherwise the error matches
// errors.ErrUnsupported.
func (c *Conn) CloseRead() error {
	cr, ok := c.raw.(interface{ CloseRead() error })
	if !ok {
		return fmt.Errorf("tlsrecord: CloseRead of %T: %w", c.raw, errors.ErrUnsupported)
	}
	c.in.ended.Store(true)
	return cr.CloseRead()
}

// Close sends the alert that ends the stream, as CloseWrite does, unless a
// write is under way or has been cut short, and closes the connection below. If
// a peer that is still there has not taken the alert, the error says so. Calls
// under way, and all later ones, end with an error that matches net.ErrClosed.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return errClosed
	}
	if c.top != nil {
		return c.top.Close()
	}
	alertErr := c.out.farewell()
	return c.end(net.Conn.Close, alertErr)
}

// Abort closes the connection below so that its peer sees a reset, and not
// the end of a stream that was cut short: with the connection's own Abort, if
// it has one, or by SO_LINGER. Over any other it is Close, without the alert.
func (c *Conn) Abort() error {
	if c.closed.Swap(true) {
		return errClosed
	}
	return c.end(peel.Abort, nil)
}

func (c *Conn) end(closeRaw func(net.Conn) error, alertErr error) error {
	c.in.closed.Store(true)
	c.out.closed.Store(true)
	err := closeRaw(c.raw)
	if c.top == nil {
		c.in.close()
		c.out.close()
	}
	if err != nil {
		return err
	}
	return alertErr
}

// NetConn returns the connection below. Whoever reads or writes it directly
// breaks the stream.
func (c *Conn) NetConn() net.Conn { return c.raw }

// ConnectionState returns what the handshake has found out.
func (c *Conn) ConnectionState() tls.ConnectionState { return *c.state }

// LocalAddr is that of the connection below.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr is that of the connection below.
func (c *Conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline sets both deadlines of the connection below.
func (c *Conn) SetDeadline(t time.Time) error {
	c.out.expiry.Set(t)
	return c.raw.SetDeadline(t)
}

// SetReadDeadline sets the read deadline of the connection below. A Read that
// misses it can be repeated, and loses nothing.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.raw.SetReadDeadline(t) }

// SetWriteDeadline sets the write deadline of the connection below. A Write
// that misses it has sealed what it says it wrote: see Write.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.expiry.Set(t)
	return c.raw.SetWriteDeadline(t)
}

// Stats returns what the Conn did so far.
func (c *Conn) Stats() Stats {
	return Stats{
		Opened: recordStats(&c.in.opened), Sealed: recordStats(&c.out.sealed),
		Reads: c.in.reads.Load(), Writes: c.out.writes.Load(),
		KeysOpened: c.in.updates.Load(), KeysSealed: c.out.updates.Load(),
		Tickets: c.in.stored.Load(), Notified: c.in.notified.Load(),
	}
}

var _ net.Conn = (*Conn)(nil)

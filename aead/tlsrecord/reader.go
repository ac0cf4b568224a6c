package tlsrecord

import (
	"crypto/tls"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
)

// readFloor is the least that a read has room for: one record of the largest
// size that others send.
const readFloor = growth.Floor + 64

// A reader is the reading half of a Conn.
type reader struct {
	mu     sync.Mutex
	closed atomic.Bool // no method will be called any more
	ended  atomic.Bool // the reading side was closed by its owner

	opening
	conn    *Conn
	strict  bool
	arrived burst.Delivery
	err     error

	useless int    // records in a row that brought nothing
	message []byte // a part of a handshake message; of the pool
	pool    growth.Pool
	tickets tickets

	opened   burst.Count
	reads    atomic.Int64
	updates  atomic.Int64
	stored   atomic.Int64
	notified atomic.Bool // close_notify has come
}

func (r *reader) init(c *Conn, h *handshake, k keys) error {
	r.conn, r.strict, r.pool = c, h.cfg.StrictEnd, h.cfg.Pool
	return r.start(k)
}

// arrive takes over what f has read ahead.
func (r *reader) arrive(src io.Reader, h *handshake, f *feeder) {
	ahead, err := f.takeOver()
	win := growth.New(h.cfg.Pool, h.cfg.Budget, h.cfg.MaxBurst)
	r.arrived.Init(src, h.cfg.Pool, win, readFloor, ahead)
	r.arrived.Fail(err)
}

// read is Conn.Read.
func (r *reader) read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.unlock()
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, err := r.readArrived(p)
		if n > 0 || err != nil {
			return n, err
		}
		if err := r.fill(true, math.MaxInt); err != nil {
			return 0, err
		}
	}
}

// readArrived reads what has arrived. The end of the stream comes along with
// the last bytes, if it is known by then: whoever uses a connection again that
// seems to be open would lose that (golang.org/issue/3514).
func (r *reader) readArrived(p []byte) (int, error) {
	rest := r.arrived.Rest
	n := copy(p, rest)
	rest = rest[n:]
	for n < len(p) {
		record, ok, err := r.next()
		if err != nil && n == 0 {
			return 0, err
		}
		if err != nil || !ok {
			break
		}
		var dst []byte
		if len(p)-n >= len(record)-headerSize-aead.TagSize {
			dst = p[n:]
		}
		content, err := r.use(dst, record)
		if err != nil && n == 0 {
			return 0, err
		}
		if dst == nil {
			rest = content[copy(p[n:], content):]
		}
		n += len(content) - len(rest)
	}
	r.arrived.Rest = rest
	if r.err == io.EOF && len(rest) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// writeTo is Conn.WriteTo.
func (r *reader) writeTo(dst io.Writer) (int64, error) {
	r.mu.Lock()
	defer r.unlock()
	return r.arrived.WriteTo(dst, (*opener)(r))
}

// step is Conn.Step.
func (r *reader) step(dst io.Writer, most int) (int64, error) {
	r.mu.Lock()
	defer r.unlock()
	return r.arrived.Step(dst, most, (*opener)(r))
}

// An opener is what a reader is to a burst.
type opener reader

// Gather opens records until there are most bytes, or no more in the buffer.
func (o *opener) Gather(g *burst.Payloads, most int64, join int) error {
	r := (*reader)(o)
	for g.Size < most && !g.Full() {
		record, ok, err := r.next()
		if err != nil || !ok {
			return err
		}
		content, err := r.use(nil, record)
		if err != nil {
			return err
		}
		if len(content) > 0 {
			g.Add(content, join)
		}
	}
	return nil
}

// Fill reads once from the connection below.
func (o *opener) Fill(wait bool, limit int) error { return (*reader)(o).fill(wait, limit) }

// next returns the next record. It reports false if that has not arrived in
// full. Its capacity is the buffer's: contents are moved together in there.
func (r *reader) next() (record []byte, ok bool, err error) {
	if r.closed.Load() {
		r.err = errClosed
	}
	if r.err != nil {
		return nil, false, r.err
	}
	record = r.arrived.Unopened()
	size, err := recordSize(record)
	if err != nil {
		return nil, false, r.fail(err)
	}
	if size > len(record) {
		r.arrived.Need(size)
		return nil, false, nil
	}
	return record[:size], true, nil
}

// use opens what next has returned, into dst if that is not nil, or in place.
// It returns the content if that is for whoever reads.
func (r *reader) use(dst, record []byte) ([]byte, error) {
	content, typ, err := r.open(dst, record)
	if err != nil {
		return nil, r.fail(err)
	}
	r.arrived.Skip(len(record))
	r.opened.Note(len(content))
	if typ == typeApplication && len(content) > 0 && len(r.message) == 0 {
		r.useless = 0
		return content, nil
	}
	if err := r.control(typ, content); err != nil {
		return nil, r.fail(err)
	}
	return nil, nil
}

// fail ends the stream with err. If that is an alert, the peer is told.
func (r *reader) fail(err error) error {
	alert, ours := err.(tls.AlertError)
	if ours {
		err = &net.OpError{Op: "local error", Err: alert}
	}
	r.err = err
	switch {
	case ours:
		r.conn.out.alarm(alert, err)
	case err != io.EOF && err != errClosed:
		r.conn.out.stop(err) // the peer has said that it ends the connection
	}
	return err
}

func (r *reader) fill(wait bool, limit int) error {
	if r.err != nil {
		return r.err
	}
	err := r.arrived.Fill(wait, limit)
	switch {
	case err == nil, err == readiness.ErrWouldBlock, isTimeout(err):
		return err
	case r.closed.Load():
		err = errClosed
	case err == io.EOF && !r.ended.Load() && (r.strict || !r.arrived.Empty() || len(r.message) > 0):
		err = io.ErrUnexpectedEOF
	}
	r.err = err
	return err
}

// more reports whether Step has something to say of what has arrived.
func (r *reader) more() bool {
	if r.err != nil || r.closed.Load() {
		return true
	}
	record := r.arrived.Unopened()
	size, err := recordSize(record)
	return err != nil || size <= len(record)
}

// ready is Conn.Ready.
func (r *reader) ready(watch Watcher, wake func()) (cancel func()) {
	r.mu.Lock()
	wakeup := r.arrived.Wakeup(r.more())
	r.unlock()
	return wakeup.Arrange(watch, wake)
}

// close lets go of all memory, or has the method that is running do so.
func (r *reader) close() {
	r.closed.Store(true)
	if r.mu.TryLock() {
		r.unlock()
	}
}

// unlock ends a method, and lets go of the memory that it is the last to use.
func (r *reader) unlock() {
	r.tidy()
	r.mu.Unlock()
	// A close that came after tidy found the lock taken.
	if r.closed.Load() && r.mu.TryLock() {
		r.tidy()
		r.mu.Unlock()
	}
}

func (r *reader) tidy() {
	r.opened.Publish()
	r.reads.Store(r.arrived.Reads())
	if r.arrived.Tidy(r.closed.Load(), r.err != nil) {
		r.keys.wipe()
		r.cipher, r.opener = nil, nil
		r.tickets.drop()
		r.dropMessage()
	}
}

package vecio

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/vec"
)

// recordWriter is the writing side of a CoalesceConn.
type recordWriter struct {
	mu    sync.Mutex
	to    *Writer // made at the first write
	wraps bool    // a better one may be found
	corks int
	batch int
	whole int   // what leaves together, if less than a batch is expected
	err   error // bytes were accepted, and then lost

	win growth.Window
	buf []byte // lent by win; nil while nothing is held
	n   int    // buf[:n] is held
	two [2][]byte

	// urgent: a deadline was set. crypto/tls sets one in front of the alert
	// that ends a stream, and one in the past right behind it; an alert that is
	// held would not leave any more.
	urgent atomic.Bool

	writes, bytes atomic.Int64
}

// urgentMax is longer than any alert, in bytes.
const urgentMax = 256

// Cork begins to hold what is written. Every Cork needs its Uncork; between
// the two nobody may wait for an answer to what was written. Corks nest.
func (c *CoalesceConn) Cork() { c.cork(c.out.batch) }

// cork is Cork in front of so many bytes of plaintext. What comes with the
// last of them need not be held: it only has to wait for Uncork if records
// are so small that what they add makes a difference.
func (c *CoalesceConn) cork(expected int) {
	w := &c.out
	w.mu.Lock()
	if w.corks++; w.corks == 1 {
		w.whole = min(expected, w.batch)
	}
	w.mu.Unlock()
}

// Uncork writes what is held, if it ends the outermost Cork. It fails if what
// a Write has accepted could not leave, and so does every later call: what was
// lost was the middle of a stream. It panics without a Cork.
func (c *CoalesceConn) Uncork() error {
	w := &c.out
	w.mu.Lock()
	defer w.unlock(c)
	if w.corks == 0 {
		panic("vecio: Uncork without Cork")
	}
	if w.corks--; w.corks > 0 {
		return w.err
	}
	if c.closed.Load() {
		return errClosed
	}
	return w.flush(c.raw)
}

// Write writes b, or holds it after Cork until Uncork or until there is a
// batch. It does not keep b. The first short Write after a deadline was set is
// never held.
func (c *CoalesceConn) Write(b []byte) (int, error) {
	w := &c.out
	w.mu.Lock()
	defer w.unlock(c)
	switch {
	case c.closed.Load():
		return 0, errClosed
	case w.err != nil:
		return 0, w.err
	}
	urgent := w.urgent.Load() && w.urgent.Swap(false) && len(b) <= urgentMax
	if w.corks == 0 || urgent {
		return w.flushWith(c.raw, b)
	}
	return w.hold(c.raw, b)
}

// Writev is Write of all of bufs, in their order. It neither changes nor keeps
// them.
func (c *CoalesceConn) Writev(bufs [][]byte) (int64, error) {
	w := &c.out
	w.mu.Lock()
	defer w.unlock(c)
	switch {
	case c.closed.Load():
		return 0, errClosed
	case w.err != nil:
		return 0, w.err
	case w.corks == 0:
		w.bind(c.raw)
		n, err := w.to.Writev(bufs)
		w.count(n)
		return n, err
	}
	var total int64
	for _, b := range bufs {
		n, err := w.hold(c.raw, b)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// hold adds b to what is held. If that makes it enough to leave, b goes along
// uncopied, where raw takes several slices.
func (w *recordWriter) hold(raw net.Conn, b []byte) (int, error) {
	if w.buf == nil && len(b) < w.whole {
		w.buf = w.win.Get(w.batch)
	}
	limit := min(w.whole, len(w.buf))
	if w.n+len(b) >= limit {
		if w.bind(raw); w.n == 0 || w.to.to != nil {
			return w.flushWith(raw, b)
		}
	}
	total := 0
	for {
		n := copy(w.buf[w.n:], b)
		w.n += n
		if w.n < limit {
			return total + n, nil
		}
		if err := w.writeHeld(raw); err != nil {
			return total, err
		}
		total += n
		if b = b[n:]; len(b) == 0 {
			return total, nil
		}
	}
}

// flushWith writes what is held, and b behind it.
func (w *recordWriter) flushWith(raw net.Conn, b []byte) (int, error) {
	w.bind(raw)
	if w.n == 0 {
		n, err := writeAll(w.to, b)
		w.count(n)
		return int(n), err
	}
	if w.to.to == nil {
		if err := w.flush(raw); err != nil {
			return 0, err
		}
		return w.flushWith(raw, b)
	}
	w.two = [2][]byte{w.buf[:w.n], b}
	total, err := w.to.Writev(w.two[:])
	w.two = [2][]byte{}
	w.count(total)
	n := max(0, int(total)-w.n)
	w.err = err
	w.drop()
	return n, err
}

// flush writes what is held, and gives the buffer back.
func (w *recordWriter) flush(raw net.Conn) error {
	if w.n > 0 && w.err == nil {
		w.bind(raw)
		if sock, ok := w.to.to.(*vec.Writer); ok {
			var n int64
			n, w.err = sock.Drain(&w.win, w.buf, w.buf[:w.n])
			w.buf = nil
			w.count(n)
		} else {
			_ = w.writeHeld(raw) // w.err has it
		}
	}
	w.drop()
	return w.err
}

// writeHeld writes what is held, and keeps the buffer.
func (w *recordWriter) writeHeld(raw net.Conn) error {
	w.bind(raw)
	n, err := writeAll(w.to, w.buf[:w.n])
	w.count(n)
	w.n, w.err = 0, err
	return err
}

func (w *recordWriter) count(n int64) {
	if n > 0 {
		w.writes.Add(1)
		w.bytes.Add(n)
	}
}

// bind finds the socket under raw. It is called again when a wrapper may have
// become transparent.
func (w *recordWriter) bind(raw net.Conn) {
	if w.to == nil || w.to.to == nil && w.wraps {
		w.to = NewWriter(raw)
	}
}

// drop gives the buffer back.
func (w *recordWriter) drop() {
	if w.buf != nil {
		w.win.Put(w.buf)
		w.buf = nil
	}
	w.n = 0
}

// unlock also gives the buffer back that a Close under way had to leave.
func (w *recordWriter) unlock(c *CoalesceConn) {
	w.mu.Unlock()
	if c.closed.Load() {
		w.release()
	}
}

// release gives the buffer back, unless somebody is about to.
func (w *recordWriter) release() {
	if w.mu.TryLock() {
		w.drop()
		w.mu.Unlock()
	}
}

package tlsrecord

import (
	"crypto/tls"
	"io"
	"time"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/vec"
)

// This file is how sealed bytes leave a writer.

// bind finds the socket under the connection. It is called again and again,
// since a wrapper may become transparent.
func (w *writer) bind() {
	if w.sock == nil {
		w.sock, _ = vec.WriterOf(w.raw)
	}
}

// send sends what is sealed, and gives the buffer back. It reports whether all
// of it was sent, or is kept to be sent after a missed deadline.
func (w *writer) send() (sent bool, err error) {
	buf, wire := w.buf, w.buf[:w.n]
	w.buf, w.n = nil, 0
	return w.sendFrom(&w.win, buf, wire)
}

// sendFrom is send for wire, a part of buf, which goes back to win.
func (w *writer) sendFrom(win *growth.Window, buf, wire []byte) (sent bool, err error) {
	if len(wire) == 0 {
		if buf != nil {
			win.Put(buf)
		}
		return true, nil
	}
	w.bind()
	l := &w.lender
	*l = lender{win: win, held: buf, rest: wire}
	var n int64
	if w.sock != nil {
		n, err = w.sock.Drain(l, buf, wire)
	} else {
		n, err = writeAll(w.raw, wire)
	}
	w.writes.Add(1)
	if err != nil {
		if isTimeout(err) {
			left := len(wire) - int(n)
			w.keep(l.rest[len(l.rest)-left:])
		} else {
			err = w.fail(err)
		}
	}
	win.Put(l.held)
	*l = lender{}
	return w.err == nil, err
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

// keep copies what a missed deadline left behind, after what others left.
func (w *writer) keep(rest []byte) {
	if len(rest) == 0 {
		return
	}
	held := w.pool.Get(len(w.unsent) + len(rest))
	n := copy(held, w.unsent)
	copy(held[n:], rest)
	if w.held != nil {
		w.pool.Put(w.held)
	}
	w.held, w.unsent = held, held
}

// flush sends what a missed deadline left behind.
func (w *writer) flush() error {
	if w.held == nil {
		return nil
	}
	w.bind()
	var n int64
	var err error
	if w.sock != nil {
		var k int
		k, err = w.sock.Write(w.unsent)
		n = int64(k)
	} else {
		n, err = writeAll(w.raw, w.unsent)
	}
	w.unsent = w.unsent[n:]
	if err != nil {
		if !isTimeout(err) {
			err = w.fail(err)
		}
		return err
	}
	w.forget()
	return nil
}

// forget lets go of what a missed deadline left behind.
func (w *writer) forget() {
	if w.held != nil {
		w.pool.Put(w.held)
		w.held, w.unsent = nil, nil
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

// sealAlert seals an alert behind what is sealed.
func (w *writer) sealAlert(level byte, alert tls.AlertError) error {
	const size = overhead + 2
	if w.buf != nil && len(w.buf)-w.n < size {
		if _, err := w.send(); err != nil {
			return err
		}
	}
	if w.buf == nil {
		w.buf = w.win.Get(size)
	}
	b, err := w.append(w.buf[:w.n], typeAlert, level, byte(alert))
	if err != nil {
		return w.fail(err)
	}
	w.n = len(b)
	return nil
}

// An alarm is why a reader has the writing end.
type alarm struct {
	alert tls.AlertError
	tell  bool // the peer
	err   error
}

// alarm ends the writing with err, after the peer was told of an alert. It
// does not wait for a write that is under way: that does it at its end.
func (w *writer) alarm(alert tls.AlertError, err error) { w.raise(&alarm{alert, true, err}) }

// stop ends the writing with err.
func (w *writer) stop(err error) { w.raise(&alarm{err: err}) }

func (w *writer) raise(a *alarm) {
	w.alarmed.CompareAndSwap(nil, a)
	if w.mu.TryLock() {
		w.unlock()
	}
}

// sound heeds an alarm. The alert is lost if a socket would have to wait: a peer
// that does not read it shall not stop whoever reads here. Other connections
// cannot try, and may wait for farewellTime.
func (w *writer) sound() {
	a := w.alarmed.Swap(nil)
	if a == nil || w.ended() != nil {
		return
	}
	if a.tell && !w.shut && w.held == nil && w.sealAlert(levelFatal, a.alert) == nil {
		w.bind()
		if w.one[0] = w.buf[:w.n]; w.sock != nil {
			_, _ = w.sock.TryWritev(w.one[:])
		} else {
			_ = w.raw.SetWriteDeadline(time.Now().Add(farewellTime))
			_, _ = w.raw.Write(w.one[0])
		}
		w.one[0] = nil
	}
	w.err = a.err
}

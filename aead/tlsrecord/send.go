package tlsrecord

import (
	"crypto/tls"
	"time"

	"github.com/headrace-go/headrace/internal/growth"
)

// This file is how sealed bytes leave a writer.

// send sends what is sealed, and gives the buffer back. It reports whether all
// of it was sent, or is kept to be sent after a missed deadline.
func (w *writer) send() (sent bool, err error) {
	buf, wire := w.buf, w.buf[:w.n]
	w.buf, w.n = nil, 0
	return w.sendFrom(&w.win, buf, wire)
}

// sendFrom is send for wire, a part of buf, which goes back to win.
func (w *writer) sendFrom(win *growth.Window, buf, wire []byte) (sent bool, err error) {
	err = w.lost(w.out.Send(win, buf, wire))
	if len(wire) > 0 {
		w.writes.Add(1)
	}
	return w.err == nil, err
}

// flush sends what a missed deadline left behind.
func (w *writer) flush() error { return w.lost(w.out.Flush()) }

// lost ends the writing if err is one that it cannot go on after.
func (w *writer) lost(err error) error {
	if err == nil || isTimeout(err) {
		return err
	}
	return w.fail(err)
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
	if a.tell && !w.shut && !w.out.Waiting() && w.sealAlert(levelFatal, a.alert) == nil && !w.out.Try(w.buf[:w.n]) {
		_ = w.raw.SetWriteDeadline(time.Now().Add(farewellTime))
		_, _ = w.raw.Write(w.buf[:w.n])
	}
	w.err = a.err
}

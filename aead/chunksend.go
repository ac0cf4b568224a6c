package aead

import "github.com/headrace-go/headrace/internal/growth"

// This file is how sealed bytes leave a ChunkWriter.

// send writes wire, a part of buf, which goes back to win. It reports whether
// wire was sent, or else is kept to be sent after a missed deadline.
func (w *ChunkWriter) send(win *growth.Window, buf, wire []byte) (sent bool, err error) {
	if len(wire) > 0 && len(w.prefix) > 0 {
		both := w.pool.Get(len(w.prefix) + len(wire))
		n := copy(both, w.prefix)
		copy(both[n:], wire)
		win.Put(buf)
		buf, wire, w.prefix = both, both, nil
	}
	err = w.lost(w.out.Send(win, buf, wire))
	return w.err == nil, err
}

// flush sends what a missed deadline left behind.
func (w *ChunkWriter) flush() error { return w.lost(w.out.Flush()) }

// lost ends the stream if err is one that it cannot go on after.
func (w *ChunkWriter) lost(err error) error {
	if err == nil || isTimeout(err) {
		return err
	}
	if w.closed.Load() {
		err = errClosed
	}
	w.err = err
	return err
}

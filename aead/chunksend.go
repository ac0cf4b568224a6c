package aead

import (
	"io"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/vec"
)

// This file is how sealed bytes leave a ChunkWriter.

// bind finds the socket under the destination. It is called again and again,
// since a wrapper may become transparent.
func (w *ChunkWriter) bind() {
	if w.sock == nil && w.conn != nil {
		w.sock, _ = vec.WriterOf(w.conn)
	}
}

// send writes wire, a part of buf, which goes back to win. It reports whether
// wire was sent, or else is kept to be sent after a missed deadline.
func (w *ChunkWriter) send(win *growth.Window, buf, wire []byte) (sent bool, err error) {
	if len(wire) == 0 {
		win.Put(buf)
		return true, nil
	}
	if len(w.prefix) > 0 {
		both := w.pool.Get(len(w.prefix) + len(wire))
		n := copy(both, w.prefix)
		copy(both[n:], wire)
		win.Put(buf)
		buf, wire, w.prefix = both, both, nil
	}
	w.bind()
	l := &w.lender
	*l = lender{win: win, held: buf, rest: wire}
	var n int64
	if w.sock != nil {
		n, err = w.sock.Drain(l, buf, wire)
	} else {
		n, err = writeAll(w.dst, wire)
	}
	if err != nil {
		if isTimeout(err) {
			left := len(wire) - int(n)
			w.keep(l.rest[len(l.rest)-left:])
		} else {
			w.fail(err)
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
func (w *ChunkWriter) keep(rest []byte) {
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
func (w *ChunkWriter) flush() error {
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
		n, err = writeAll(w.dst, w.unsent)
	}
	w.unsent = w.unsent[n:]
	if err != nil {
		if !isTimeout(err) {
			w.fail(err)
		}
		return err
	}
	w.pool.Put(w.held)
	w.held, w.unsent = nil, nil
	return nil
}

// fail ends the stream.
func (w *ChunkWriter) fail(err error) {
	if w.closed.Load() {
		err = errClosed
	}
	w.err = err
}

// writeAll is Write, with a short count made an error.
func writeAll(dst io.Writer, b []byte) (int64, error) {
	n, err := dst.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return int64(n), err
}

// Package vec writes several buffers as one: iovec arithmetic, partial writes
// finished, the caller's slices left as they were.
package vec

import (
	"net"

	"github.com/headrace-go/headrace/internal/peel"
)

// A Lender is told when a stalled write could do with less memory.
// *growth.Window is one.
type Lender interface {
	// Shrink may exchange buf for a smaller buffer that holds rest, a part
	// of buf. It returns the buffer held from now on, and the bytes of rest
	// in it.
	Shrink(buf, rest []byte) (held, kept []byte)
	Put(buf []byte)
}

// A Keeper lends memory for n bytes that have to be kept. *growth.Window is
// one.
type Keeper interface{ Keep(n int) []byte }

// A Writer writes one stream socket. Its writes end only when all bytes are
// accepted or the socket fails, and none of them allocates. It is not safe
// for concurrent use.
type Writer struct {
	sock *peel.Socket

	// The write under way, for the callback.
	bufs   [][]byte
	one    [1][]byte
	skip   int // bytes of bufs[0] that have left
	n      int64
	err    error
	try    bool // do not wait for room
	lender Lender
	held   []byte
	keeper Keeper // not nil: up to most bytes that stall are left to the caller
	most   int

	call func(fd uintptr) bool
}

// WriterOf returns a Writer to c, if c is a stream socket or transparent down
// to one.
func WriterOf(c net.Conn) (*Writer, bool) {
	p, ok := peel.Stream(c)
	if !ok {
		return nil, false
	}
	return NewWriter(p), true
}

// NewWriter returns a Writer to p.
func NewWriter(p *peel.Socket) *Writer {
	w := &Writer{sock: p}
	w.call = w.attempt
	return w
}

// Write writes b. It keeps nothing of it.
func (w *Writer) Write(b []byte) (int, error) {
	w.one[0] = b
	n, err := w.Writev(w.one[:])
	w.one[0] = nil
	return int(n), err
}

// Writev writes all of bufs, in as few system calls as the system takes. It
// neither changes nor keeps bufs, and returns how many bytes were accepted.
func (w *Writer) Writev(bufs [][]byte) (int64, error) {
	w.bufs = bufs
	return w.run()
}

// TryWritev writes as much of bufs as the socket takes at once. It neither
// changes nor keeps bufs, and returns how many bytes were accepted; less than
// all of them is no error.
func (w *Writer) TryWritev(bufs [][]byte) (int64, error) {
	w.bufs, w.try = bufs, true
	n, err := w.run()
	w.try = false
	return n, err
}

// Drain writes b, a part of buf. It owns buf from now on and gives it back to
// l. A write that stalls keeps only what has not left yet, as l sees fit.
func (w *Writer) Drain(l Lender, buf, b []byte) (int64, error) {
	w.lender, w.held = l, buf
	w.one[0] = b
	w.bufs = w.one[:]
	n, err := w.run()
	l.Put(w.held)
	w.lender, w.held, w.one[0] = nil, nil, nil
	return n, err
}

// WritevOrKeep is Writev, but a write that stalls with at most most bytes to go
// ends there: rest is a copy of them, in a buffer from k that the caller owns,
// and n what the socket has accepted. So whoever holds bufs need not wait.
func (w *Writer) WritevOrKeep(bufs [][]byte, k Keeper, most int) (n int64, rest []byte, err error) {
	w.bufs, w.keeper, w.most = bufs, k, most
	n, err = w.run()
	rest, w.held, w.keeper = w.held, nil, nil
	return n, rest, err
}

// run makes the write, and leaves no reference to the caller's memory behind.
func (w *Writer) run() (int64, error) {
	w.skip, w.n, w.err = 0, 0, nil
	waitErr := w.sock.Raw.Write(w.call)
	n, err := w.n, w.err
	w.bufs, w.err = nil, nil
	if n > 0 {
		w.sock.Moved(0, n)
	}
	if waitErr != nil {
		err = waitErr
	}
	return n, err
}

// advance takes n written bytes off the front, and every empty buffer behind.
func (w *Writer) advance(n int) {
	w.n += int64(n)
	n += w.skip
	for len(w.bufs) > 0 && n >= len(w.bufs[0]) {
		n -= len(w.bufs[0])
		w.bufs = w.bufs[1:]
	}
	w.skip = n
}

// stall lets go of what a wait need not hold. It reports whether the write is
// over: the rest has been left to the caller, or is not to be waited for.
func (w *Writer) stall() bool {
	switch {
	case w.keeper != nil:
		return w.keep()
	case w.lender != nil:
		var rest []byte
		w.held, rest = w.lender.Shrink(w.held, w.one[0][w.skip:])
		w.one[0], w.skip = rest, 0
		return false
	}
	return w.try
}

// keep copies what has not left, if that is not too much.
func (w *Writer) keep() bool {
	size := -w.skip
	for _, b := range w.bufs {
		if size += len(b); size > w.most {
			return false
		}
	}
	w.held = w.keeper.Keep(size)
	n := copy(w.held, w.bufs[0][w.skip:])
	for _, b := range w.bufs[1:] {
		n += copy(w.held[n:], b)
	}
	return true
}

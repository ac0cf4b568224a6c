package h2mux

import (
	"io"
	"net"
	"os"
	"reflect"
	"syscall"

	"github.com/headrace-go/headrace/internal/vec"
	"github.com/headrace-go/headrace/mux"
)

// deliver takes a piece of DATA in. The lock is held.
func (st *Stream) deliver(p []byte, b *block) {
	s, n := st.s, int64(len(p))
	st.arrived += n
	if st.declared >= 0 {
		if st.declared -= n; st.declared < 0 {
			s.resetStream(st, mux.ProtocolError, true)
			return
		}
	}
	if st.readClosed {
		return
	}
	s.add(&st.in, p, b)
	st.wakeReader()
}

// wakeReader tells who waits for bytes that there are some, or never will be.
func (st *Stream) wakeReader() {
	st.readable.Signal()
	if st.onReady != nil {
		st.s.wakes = append(st.s.wakes, st.onReady)
		st.onReady = nil
	}
}

// consumed returns the credit of n bytes that were read.
func (st *Stream) consumed(n int64) {
	s := st.s
	if st.remoteEnd || st.gone || s.err != nil {
		st.win.queued -= n
		s.queuedIn -= n
		s.settle(&st.win)
		return
	}
	if credit := s.consume(&st.win, n); credit > 0 {
		s.sendWindowUpdate(st.id, credit)
		s.nudge()
	}
}

// remoteEnded is the end of what the peer sends. The lock is held.
func (s *Session) remoteEnded(st *Stream) {
	st.remoteEnd = true
	st.win.avail, st.win.target = 0, s.floor
	s.settle(&st.win)
	st.readable.Broadcast()
	st.wakeReader()
	if st.finSent {
		s.remove(st)
	}
}

// readState returns what a Read is to do: wait for as long as both results are
// false and nil.
func (st *Stream) readState() (ready bool, err error) {
	switch {
	case st.closed:
		return false, mux.ErrClosed
	case st.readBy.expired:
		return false, os.ErrDeadlineExceeded
	case st.readClosed:
		return false, io.EOF
	case st.in.head != nil:
		return true, nil
	case st.remoteEnd:
		return false, io.EOF
	}
	return false, st.readErr
}

// awaitData waits until there is something to read. The lock is held.
func (st *Stream) awaitData() error {
	for {
		ready, err := st.readState()
		if ready || err != nil {
			return err
		}
		if err := st.showForRead(); err != nil {
			return err
		}
		if !st.s.flushNow() {
			st.readable.Wait()
		}
	}
}

// Read reads what has arrived, and waits if nothing has; see mux.Stream. It
// does not allocate (TestAllocs).
func (st *Stream) Read(p []byte) (int, error) {
	s := st.s
	s.mu.Lock()
	if len(p) == 0 {
		_, err := st.readState()
		s.unlock()
		return 0, err
	}
	if err := st.awaitData(); err != nil {
		s.unlock()
		return 0, err
	}
	var q queue
	st.take(&q, len(p))
	s.unlock()
	n := 0
	for q.head != nil {
		c := q.pop()
		n += copy(p[n:], c.data)
		c.release()
	}
	return n, nil
}

// take moves up to n bytes to q, and returns the credit for them.
func (st *Stream) take(q *queue, n int) {
	n = st.in.take(q, n)
	if st.in.head != nil {
		st.readable.Signal() // there is more, for another reader
	}
	st.consumed(int64(n))
}

// stepMax bounds what is on its way out of a stream at once.
const stepMax = 256 << 10

// Step writes what has arrived to dst, about most bytes at most, and never
// waits for more; it may wait for dst. It returns 0 and nil if nothing has
// arrived, and io.EOF at the end of the stream. It copies nothing. What dst
// does not accept is lost.
func (st *Stream) Step(dst io.Writer, most int) (int64, error) {
	s := st.s
	s.mu.Lock()
	ready, err := st.readState()
	if !ready {
		if err == nil {
			err = st.showForRead()
		}
		s.unlock()
		return 0, err
	}
	var q queue
	st.take(&q, max(1, min(most, stepMax)))
	s.unlock()
	return writeQueue(dst, &q)
}

// showForRead makes a stream visible that waits for its peer to speak.
func (st *Stream) showForRead() error {
	s := st.s
	if s.client && !st.visible || !s.client && !st.answered && st.request.connect() {
		if err := st.show(); err != nil {
			return err
		}
		s.nudge()
	}
	return nil
}

// Ready calls wake once when Step may have something to do: at once, or from
// the session's goroutine. wake must not block. cancel may be called at any
// time. A second call takes the first one's place.
func (st *Stream) Ready(_ interface {
	Watch(c syscall.Conn, wake func()) (cancel func())
}, wake func()) (cancel func()) {
	s := st.s
	s.mu.Lock()
	defer s.unlock()
	if ready, err := st.readState(); ready || err != nil || st.showForRead() != nil {
		s.wakes = append(s.wakes, wake)
		return func() {}
	}
	st.onReady = wake
	return func() {
		s.mu.Lock()
		defer s.unlock()
		st.onReady = nil
	}
}

// WriteTo writes everything up to the end of the stream to w. It copies
// nothing, and gathers writes where w can.
func (st *Stream) WriteTo(w io.Writer) (int64, error) {
	s := st.s
	dst := gather(w)
	var total int64
	for {
		s.mu.Lock()
		if err := st.awaitData(); err != nil {
			s.unlock()
			if err == io.EOF {
				err = nil
			}
			return total, err
		}
		var q queue
		st.take(&q, stepMax)
		s.unlock()
		n, err := writeQueue(dst, &q)
		total += n
		if err != nil {
			return total, err
		}
	}
}

// gatherer is what takes several slices at once.
type gatherer interface {
	Writev(bufs [][]byte) (int64, error)
}

// gather returns a gatherer in the place of w, where there is one.
func gather(w io.Writer) io.Writer {
	if _, ok := w.(gatherer); ok {
		return w
	}
	if c, ok := w.(net.Conn); ok && reflect.TypeOf(w).Kind() == reflect.Pointer {
		if sock, ok := vec.WriterOf(c); ok {
			return sock
		}
	}
	return w
}

// writeQueue writes q, and lets go of it.
func writeQueue(w io.Writer, q *queue) (int64, error) {
	defer q.drop()
	if g, ok := w.(gatherer); ok && q.head != q.tail {
		var bufs [64][]byte
		var total int64
		for c := q.head; c != nil; {
			k := 0
			for ; c != nil && k < len(bufs); c = c.next {
				bufs[k] = c.data
				k++
			}
			n, err := g.Writev(bufs[:k])
			total += n
			if err != nil {
				return total, err
			}
		}
		return total, nil
	}
	var total int64
	for c := q.head; c != nil; c = c.next {
		n, err := w.Write(c.data)
		total += int64(n)
		if err == nil && n < len(c.data) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

package h2mux

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"runtime"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
	"github.com/headrace-go/headrace/mux"
)

// Write sends p; see mux.Stream. On a socket it returns when p has been handed
// to the system, elsewhere when it was copied. It does not allocate
// (TestAllocs).
func (st *Stream) Write(p []byte) (int, error) {
	s := st.s
	s.mu.Lock()
	if err := st.beginWrite(); err != nil {
		s.unlock()
		return 0, err
	}
	st.one[0] = p
	n, err := st.send(st.one[:], len(p))
	st.one[0] = nil
	st.endWrite()
	return n, err
}

// Writev sends bufs, in order, as one Write would. It neither changes nor keeps
// bufs.
func (st *Stream) Writev(bufs [][]byte) (int64, error) {
	total := 0
	for _, b := range bufs {
		total += len(b)
	}
	st.s.mu.Lock()
	if err := st.beginWrite(); err != nil {
		st.s.unlock()
		return 0, err
	}
	n, err := st.send(bufs, total)
	st.endWrite()
	return int64(n), err
}

// beginWrite waits until no other write is under way. The lock is held.
func (st *Stream) beginWrite() error {
	for {
		if err := st.writeProblem(); err != nil {
			return err
		}
		if !st.writing {
			st.writing = true
			return nil
		}
		if !st.s.flushNow() {
			st.writable.Wait()
		}
	}
}

// endWrite lets the next write begin, and gives the lock back.
func (st *Stream) endWrite() {
	s := st.s
	st.writing = false
	st.out = nil
	st.skip = 0
	st.writable.Broadcast()
	yield := s.direct && s.sched.yield(st)
	s.unlock()
	if yield {
		runtime.Gosched()
	}
}

// writeProblem returns why nothing can be written, if that is so.
func (st *Stream) writeProblem() error {
	switch {
	case st.closed:
		return mux.ErrClosed
	case st.writeErr != nil:
		return st.writeErr
	case st.fin && !st.writing:
		return mux.ErrWriteClosed
	case st.writeBy.expired:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// send sends total bytes of bufs. The lock is held.
func (st *Stream) send(bufs [][]byte, total int) (int, error) {
	s := st.s
	if err := st.show(); err != nil {
		return 0, err
	}
	st.out, st.skip, st.left, st.cut = bufs, 0, total, 0
	st.turn.short = total < quantum/2
	s.queued += total
	s.sched.update(st)
	for st.left > 0 || st.busy > 0 {
		err := st.writeProblem()
		switch {
		case err != nil:
			st.cutShort()
			if st.busy > 0 {
				s.interrupt()
			}
		case s.direct && !s.leading && st.turn.counted && s.hasWork():
			s.lead(st)
			continue
		case s.flushNow():
			continue
		}
		if st.left > 0 || st.busy > 0 {
			st.writable.Wait()
		}
	}
	if st.cut > 0 {
		err := st.writeProblem()
		if err == nil {
			err = os.ErrDeadlineExceeded // it was moved meanwhile
		}
		return total - st.cut, err
	}
	s.nudge()
	return total, nil
}

// cutShort gives up what has not been sent yet.
func (st *Stream) cutShort() {
	st.cut += st.left
	st.s.queued -= st.left
	st.left = 0
	st.s.sched.update(st)
}

// localEnded is the end of what is sent: END_STREAM is queued or on its way.
func (s *Session) localEnded(st *Stream) {
	st.finSent = true
	if st.remoteEnd {
		s.remove(st)
	}
}

// CloseWrite ends the direction to the peer, behind all that was written. It
// does not wait for the peer.
func (st *Stream) CloseWrite() error {
	s := st.s
	s.mu.Lock()
	defer s.unlock()
	switch {
	case st.closed:
		return mux.ErrClosed
	case st.writeErr != nil:
		return st.writeErr
	}
	if err := st.end(); err != nil {
		return err
	}
	s.nudge()
	return nil
}

// end queues END_STREAM, or has it go with the last bytes of a Write.
func (st *Stream) end() error {
	if st.fin {
		return nil
	}
	s := st.s
	st.fin = true
	if err := st.show(); err != nil {
		return err
	}
	if !st.finSent && st.left == 0 {
		s.sendEnd(st.id)
		s.localEnded(st)
	}
	return nil
}

// ReadFrom sends everything that r has. It holds no buffer while it waits for a
// socket, and grows it while reads come back full.
func (st *Stream) ReadFrom(r io.Reader) (int64, error) {
	w := st.takeFill()
	defer st.keepFill(w)
	if c, ok := r.(net.Conn); ok {
		if sock, ok := readiness.Of(c); ok {
			return st.readFrom(w, func() ([]byte, []byte, error) {
				b, err := sock.ReadReady(w, w.Size())
				return b, b, err
			})
		}
	}
	return st.readFrom(w, func() ([]byte, []byte, error) {
		b := w.Get(w.Size())
		n, err := r.Read(b)
		return b, b[:n], err
	})
}

// takeFill returns what an earlier ReadFrom has learnt, unless another one has
// that now: who relays calls it for each burst.
func (st *Stream) takeFill() *growth.Window {
	st.s.mu.Lock()
	w := st.fill
	st.fill = nil
	st.s.mu.Unlock()
	if w == nil {
		fresh := growth.New(st.s.pool, st.s.cfg.Budget, fillMax)
		w = &fresh
	}
	return w
}

// fillMax is the most that ReadFrom reads at a time.
const fillMax = 256 << 10

func (st *Stream) keepFill(w *growth.Window) {
	st.s.mu.Lock()
	st.fill = w
	st.s.mu.Unlock()
}

func (st *Stream) readFrom(w *growth.Window, read func() (buf, b []byte, err error)) (int64, error) {
	var total int64
	for {
		buf, b, err := read()
		var n int
		var writeErr error
		if len(b) > 0 {
			n, writeErr = st.Write(b)
			total += int64(n)
		}
		if buf != nil {
			w.Put(buf)
			w.Observe(len(b))
		}
		switch {
		case writeErr != nil:
			return total, writeErr
		case err == io.EOF:
			return total, nil
		case err != nil:
			return total, err
		}
	}
}

// sendPriority queues a PRIORITY_UPDATE: RFC 9218, section 7.1.
func (s *Session) sendPriority(st *Stream) {
	const value = "u=0"
	s.reserve(headerLen + 4 + len(value))
	s.control = appendFrame(s.control, frame{length: 4 + len(value), typ: framePriorityUpdate})
	s.control = binary.BigEndian.AppendUint32(s.control, st.id)
	s.control = append(s.control, 'u', '=', '0'+st.turn.urgency)
}

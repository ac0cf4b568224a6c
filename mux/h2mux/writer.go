package h2mux

import (
	"errors"
	"os"
	"runtime"
	"time"

	"github.com/headrace-go/headrace/mux"
)

// One goroutine at a time writes to the connection, and takes along what all
// others have to send. On a socket that is whoever has something to send when
// nobody writes: it writes from the caller's memory, without a change of
// goroutines, and can be interrupted. On other connections, whose writes cannot
// be interrupted without breaking them, it is the session's own goroutine, and
// payloads are copied.

// hasWork reports whether there is something that can be sent now.
func (s *Session) hasWork() bool {
	return s.unwritable == nil && (len(s.control) > 0 || s.carry != nil || s.sched.sendable > 0 && s.window > 0)
}

// writeFailed ends what is sent. A peer that has closed the connection may have
// said why before, and the reader is to come to that, and to all else that it has
// sent: it ends the session, within a second.
func (s *Session) writeFailed(err error) {
	s.unwritable = err
	if s.err != nil {
		return // it has ended meanwhile
	}
	s.lastWord = time.AfterFunc(farewell, func() {
		s.mu.Lock()
		defer s.unlock()
		s.fail(&mux.SessionError{Remote: true, Err: err})
	})
}

// nudge has what is to be sent now sent by somebody: on a socket that is unlock.
// The lock is held.
func (s *Session) nudge() {
	if !s.direct && !s.leading && s.hasWork() {
		s.flush.Signal()
	}
}

// flushNow is nudge for those who are about to wait. It reports whether it has
// let go of the lock, so that what is waited for may have come.
func (s *Session) flushNow() (unlocked bool) {
	if !s.direct {
		s.nudge()
		return false
	}
	if s.leading || s.err != nil || !s.hasWork() {
		return false
	}
	s.push()
	return true
}

// push writes one batch as far as the socket takes it at once. It is called and
// returns with the lock held, and lets go of it meanwhile.
func (s *Session) push() {
	s.leading = true
	if err := s.writeOne(true); err != nil {
		s.writeFailed(err)
	}
	s.leading = false
	if s.hasWork() || s.err != nil {
		s.flush.Signal()
	}
}

// unlock gives mu back. Before that it sends what there is to be sent, if that
// is possible without waiting; after that it calls those who wait to be woken.
func (s *Session) unlock() {
	if s.direct {
		s.flushNow()
	}
	wakes := s.wakes
	s.wakes = nil
	s.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

// flusher is the session's own writing goroutine.
func (s *Session) flusher() {
	err := s.handshake()
	s.mu.Lock()
	if err != nil {
		s.polite = false // a Write would wait for the handshake
		s.fail(&mux.SessionError{Remote: true, Err: err})
	}
	for s.err == nil {
		if s.leading || !s.hasWork() {
			s.flush.Wait()
			continue
		}
		s.lead(nil)
	}
	s.finish()
	s.mu.Unlock()
}

// lead writes until there is nothing left to write or, if own is not nil, until
// what own has to send was sent or interrupted. It is called and returns with
// the lock held, and lets go of it meanwhile.
func (s *Session) lead(own *Stream) {
	s.leading, s.leader = true, own
	for s.err == nil && s.hasWork() && (own == nil || own.turn.counted && own.writeProblem() == nil) {
		if !s.direct && s.sched.crowd() {
			if s.gatherWriters(); s.err != nil || !s.hasWork() {
				break
			}
		}
		if err := s.writeOne(false); err != nil {
			s.writeFailed(err)
		}
	}
	s.leading, s.leader = false, nil
	if s.hasWork() || s.err != nil {
		s.flush.Signal()
	}
}

// gatherWriters lets the writers run that the last batch has woken: who of them
// runs first would otherwise be back before the others have begun, again and
// again, and send more than they do. It lets go of the lock meanwhile.
func (s *Session) gatherWriters() {
	s.mu.Unlock()
	runtime.Gosched()
	s.mu.Lock()
}

// writeOne collects and writes one batch. It lets go of the lock meanwhile. With
// try it does not wait for room.
func (s *Session) writeOne(try bool) error {
	b := batches.Get().(*batch)
	s.collect(b)
	s.check()
	head := b.head
	var err error
	if s.direct {
		err = s.writeDirect(b, try)
	} else {
		err = s.writeStaged(b)
	}
	b.reset()
	s.pool.Put(head)
	return err
}

// writeDirect writes b from the writers' memory.
func (s *Session) writeDirect(b *batch, try bool) error {
	s.inFlight = true
	s.mu.Unlock()
	var n int64
	var err error
	if try {
		n, err = s.out.TryWritev(b.bufs)
	} else {
		n, err = s.out.Writev(b.bufs)
	}
	s.mu.Lock()
	s.inFlight = false
	s.stats.Writes++
	if s.kicked {
		s.kicked = false
		_ = s.conn.SetWriteDeadline(s.flushBy)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
	}
	if err == nil {
		s.carryOver(b, int(n))
	}
	s.putSending()
	s.complete(b)
	return err
}

// interrupt makes a write that is under way end, so that its memory is free
// again.
func (s *Session) interrupt() {
	if s.inFlight && !s.kicked {
		s.kicked = true
		_ = s.conn.SetWriteDeadline(time.Unix(1, 0))
	}
}

// carryOver copies what a write of n bytes of b has left over, if anything.
func (s *Session) carryOver(b *batch, n int) {
	if n == b.n {
		s.putCarry()
		return
	}
	rest := s.pool.Get(b.n - n)
	k := 0
	for _, p := range b.bufs {
		if n >= len(p) {
			n -= len(p)
			continue
		}
		k += copy(rest[k:], p[n:])
		n = 0
	}
	s.putCarry()
	s.carry, s.carryBuf = rest[:k], rest
}

func (s *Session) putCarry() {
	if s.carryBuf != nil {
		s.pool.Put(s.carryBuf)
		s.carry, s.carryBuf = nil, nil
	}
}

func (s *Session) putSending() {
	if s.sending != nil {
		s.pool.Put(s.sending)
		s.sending = nil
	}
}

// shedControl gives the buffer of the control queue back while it is empty.
func (s *Session) shedControl() {
	if cap(s.control) > 0 {
		s.pool.Put(s.control)
		s.control = nil
	}
}

// complete tells the writers that their memory is theirs again.
func (s *Session) complete(b *batch) {
	for i := range b.segs {
		st := b.segs[i].stream
		st.busy -= b.segs[i].n
		if st.left == 0 && st.busy == 0 || st.writeProblem() != nil {
			st.writable.Broadcast()
		}
	}
	b.segs = b.segs[:0]
}

// writeStaged copies b, lets the writers go, and writes the copy in pieces that
// fill TLS records with whole frames.
func (s *Session) writeStaged(b *batch) error {
	s.mu.Unlock()
	staging := s.pool.Get(b.n)
	k := 0
	for _, p := range b.bufs {
		k += copy(staging[k:], p)
	}
	s.mu.Lock()
	s.stats.Writes++
	s.putSending()
	s.complete(b)
	s.mu.Unlock()
	if s.cork != nil {
		s.cork.Cork()
	}
	err := s.writePieces(staging, b.ends)
	if s.cork != nil {
		if uncorkErr := s.cork.Uncork(); err == nil {
			err = uncorkErr
		}
	}
	s.pool.Put(staging)
	s.mu.Lock()
	return err
}

// writePieces writes staging in pieces that end where frames do and are as near
// to a record as that allows. What gathers by itself gets all at once.
func (s *Session) writePieces(staging []byte, ends []int) error {
	if s.gathers {
		_, err := s.conn.Write(staging)
		return err
	}
	start, end := 0, 0
	for i := 0; i <= len(ends); i++ {
		if i < len(ends) && (end == start || ends[i]-start <= recordMax) {
			end = ends[i]
			continue
		}
		if end == start {
			break
		}
		if _, err := s.conn.Write(staging[start:end]); err != nil {
			return err
		}
		start = end
		if i < len(ends) {
			end = ends[i]
		}
	}
	return nil
}

// reserve makes room for n more bytes of control frames.
func (s *Session) reserve(n int) {
	if cap(s.control)-len(s.control) >= n {
		return
	}
	size := max(controlMin, 2*cap(s.control), len(s.control)+n)
	bigger := s.pool.Get(size)
	bigger = bigger[:copy(bigger, s.control)]
	s.shedControl()
	s.control = bigger
}

const controlMin = 512

func (s *Session) sendReset(id uint32, code mux.Code) {
	s.reserve(headerLen + 4)
	s.control = appendReset(s.control, id, code)
}

func (s *Session) sendWindowUpdate(id uint32, n int64) {
	s.reserve(headerLen + 4)
	s.control = appendWindowUpdate(s.control, id, n)
}

func (s *Session) sendEnd(id uint32) {
	s.reserve(headerLen)
	s.control = appendFrame(s.control, frame{typ: frameData, flags: flagEndStream, id: id})
}

func (s *Session) sendPing(flags byte, data uint64) {
	s.reserve(headerLen + 8)
	s.control = appendPing(s.control, flags, data)
}

func (s *Session) sendGoAway(last uint32, code mux.Code, reason string) {
	s.reserve(headerLen + 8 + maxReason)
	s.control = appendGoAway(s.control, last, code, reason)
}

func (s *Session) sendSettings(settings ...setting) {
	s.reserve(headerLen + 6*len(settings))
	s.control = appendSettings(s.control, settings...)
}

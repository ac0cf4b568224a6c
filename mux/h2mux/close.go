package h2mux

import (
	"time"

	"github.com/headrace-go/headrace/mux"
)

// CloseRead drops what has arrived and what will. The peer is not told, since
// HTTP/2 has no word for it: it stops at the end of its window.
func (st *Stream) CloseRead() error {
	s := st.s
	s.mu.Lock()
	defer s.unlock()
	if st.closed {
		return mux.ErrClosed
	}
	st.readClosed = true
	st.dropQueue()
	st.readable.Broadcast()
	st.wakeReader()
	return nil
}

// dropQueue lets go of what nobody will read.
func (st *Stream) dropQueue() {
	st.in.drop()
	st.s.queuedIn -= st.win.queued
	st.win.queued = 0
	st.s.settle(&st.win)
}

// Close closes the stream, both ways. What was written arrives, but for a Write
// that is still under way: that is cut, and the stream reset. A peer that still
// sends is told to stop.
func (st *Stream) Close() error {
	s := st.s
	s.mu.Lock()
	defer s.unlock()
	if st.closed {
		return mux.ErrClosed
	}
	st.closeLocked()
	s.nudge()
	return nil
}

func (st *Stream) closeLocked() {
	if st.closed {
		return
	}
	s := st.s
	unread := st.win.queued > 0
	if !st.gone && s.err == nil && (st.visible || !s.client) && st.left == 0 {
		// The answer, the end, before the stream counts as closed.
		_ = st.end() // it fails only if the stream cannot be opened any more
	}
	truncated := st.left > 0
	st.closed, st.readClosed = true, true
	st.dropQueue()
	st.readBy.stop()
	st.writeBy.stop()
	switch {
	case st.gone:
		if !s.client {
			s.leave(st)
		}
	case !st.visible:
		s.abandonUnseen(st)
	case s.err != nil:
		s.abandon(&st.win)
		st.gone = true
		delete(s.streams, st.id)
		s.leave(st)
	case truncated:
		s.resetStream(st, mux.Cancel, false)
	case unread || st.win.avail <= 0:
		s.resetStream(st, s.unwanted(), false)
	default:
		s.linger(st)
	}
	st.poke()
}

// poke wakes all who wait for the stream, and interrupts a write from the
// memory of one of them.
func (st *Stream) poke() {
	st.readable.Broadcast()
	st.writable.Broadcast()
	st.wakeReader()
	st.pokeWriter()
}

func (st *Stream) pokeWriter() {
	if st.busy > 0 || st.s.leader == st {
		st.s.interrupt()
	}
}

// Reset abandons the stream; see mux.Stream.
func (st *Stream) Reset(code mux.Code) error {
	if err := checkCode(code); err != nil {
		return err
	}
	s := st.s
	s.mu.Lock()
	defer s.unlock()
	switch {
	case st.gone || s.err != nil:
		return nil
	case !st.visible:
		st.resetBy(&mux.StreamError{Code: code})
		s.abandonUnseen(st)
		return nil
	}
	s.resetStream(st, code, false)
	s.nudge()
	return nil
}

// Abort is Reset(mux.Cancel), and closes the stream.
func (st *Stream) Abort() error {
	if err := st.Reset(mux.Cancel); err != nil {
		return err
	}
	return st.Close()
}

// resetStream sends RST_STREAM and forgets the stream. Blame says that the peer
// is the cause.
func (s *Session) resetStream(st *Stream, code mux.Code, blame bool) {
	s.sendReset(st.id, code)
	s.recent.add(st.id, true)
	s.stats.ResetsSent++
	st.resetBy(&mux.StreamError{Code: code, Remote: blame})
	s.remove(st)
}

// resetBy ends both directions with err. What came before an end of stream can
// still be read.
func (st *Stream) resetBy(err error) {
	if !st.remoteEnd && st.readErr == nil {
		st.readErr = err
		st.dropQueue()
	}
	st.fail(err)
}

// cutOff is the end of the session. What has arrived can still be read.
func (st *Stream) cutOff(err error) {
	if !st.remoteEnd && st.readErr == nil {
		st.readErr = err
	}
	st.fail(err)
}

func (st *Stream) fail(err error) {
	if st.writeErr == nil && !st.finSent {
		st.writeErr = err
	}
	st.cutShort()
	st.poke()
}

// lingerTime is how long a stream that is closed here waits for its peer to end
// it as well.
const lingerTime = 30 * time.Second

// linger lets the peer end a stream that is closed here in its own time. It is
// reset if the peer goes on sending, or does nothing.
func (s *Session) linger(st *Stream) {
	st.lingers = time.Now()
	s.lingering++
	if s.lingering > 1 {
		return
	}
	if s.lingerer == nil {
		s.lingerer = time.AfterFunc(lingerTime, s.sweep)
	} else {
		s.lingerer.Reset(lingerTime)
	}
}

// sweep resets the streams that have lingered for long enough.
func (s *Session) sweep() {
	s.mu.Lock()
	defer s.unlock()
	if s.err != nil || s.lingering == 0 {
		return
	}
	now := time.Now()
	wait := lingerTime
	for _, st := range s.streams {
		if st.lingers.IsZero() {
			continue
		}
		if d := lingerTime - now.Sub(st.lingers); d > 0 {
			wait = min(wait, d)
			continue
		}
		s.resetStream(st, s.unwanted(), false)
	}
	if s.lingering > 0 {
		s.lingerer.Reset(wait)
	}
	s.nudge()
}

package h2mux

import (
	"fmt"

	"github.com/headrace-go/headrace/internal/invariants"
)

// check panics in the debug build if the books do not balance.
func (s *Session) check() {
	if !invariants.Enabled {
		return
	}
	// With very many streams a part of the events has to do.
	if s.events++; len(s.streams) < 64 || s.events%64 == 0 {
		s.audit()
	}
}

func (s *Session) audit() {
	assert := func(ok bool, format string, args ...any) {
		if !ok {
			panic("h2mux: " + fmt.Sprintf(format, args...))
		}
	}
	sendable, queued, queuedIn := 0, 0, int64(0)
	for id, st := range s.streams {
		w := &st.win
		assert(st.id == id && !st.gone, "stream %d is listed as %d", st.id, id)
		assert(st.left >= 0 && st.busy >= 0, "stream %d: %d left, %d busy", id, st.left, st.busy)
		assert(st.credit <= maxWindow, "stream %d: credit %d", id, st.credit)
		assert(w.avail >= 0 && w.queued >= 0, "stream %d: %d available, %d queued", id, w.avail, w.queued)
		assert(w.bound() <= s.floor+w.reserved || st.remoteEnd,
			"stream %d: window %d, floor %d, reserved %d", id, w.bound(), s.floor, w.reserved)
		assert(w.target >= s.floor && w.target <= s.maxWindow, "stream %d: target %d", id, w.target)
		var inQueue int64
		for c := st.in.head; c != nil; c = c.next {
			inQueue += int64(len(c.data))
		}
		assert(inQueue == w.queued || st == s.current && inQueue < w.queued, "stream %d: %d bytes in the queue, %d counted", id, inQueue, w.queued)
		if st.turn.counted {
			sendable++
			assert(st.turn.in != nil, "stream %d can send and is not listed", id)
		}
		assert(st.turn.counted == (st.left > 0 && st.credit > 0), "stream %d: counted is wrong", id)
		queued += st.left
		queuedIn += w.queued
	}
	assert(sendable == s.sched.sendable, "%d streams can send, %d counted", sendable, s.sched.sendable)
	assert(queued == s.queued, "%d bytes wait, %d counted", queued, s.queued)
	assert(queuedIn <= s.queuedIn, "%d bytes are unread, %d counted", queuedIn, s.queuedIn)
	assert(s.window <= maxWindow && s.flight.left >= 0, "connection: %d to send, %d to receive", s.window, s.flight.left)
	assert(s.lingering >= 0 && s.open >= 0, "%d linger, %d open", s.lingering, s.open)
}

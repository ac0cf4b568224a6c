package h2mux

import (
	"encoding/binary"

	"github.com/headrace-go/headrace/mux"
)

// This file is what frames from the peer do. The lock is held throughout. An
// error ends the session.

// onData takes a piece of DATA in.
func (s *Session) onData(e event, b *block) error {
	if e.first {
		if err := s.beginData(e.frame, len(e.payload) == 0 && e.last); err != nil {
			return err
		}
	}
	st := s.current
	if st == nil {
		return nil // nobody wants it
	}
	if len(e.payload) > 0 {
		s.stats.BytesReceived += uint64(len(e.payload))
		st.deliver(e.payload, b)
	}
	if e.last {
		s.current = nil
		padding := int64(e.length) - st.arrived
		if padding > 0 && !st.readClosed {
			st.consumed(padding)
		}
		if e.has(flagEndStream) {
			if st.declared > 0 {
				s.resetStream(st, mux.ProtocolError, true)
				return s.limits.resets.fill()
			}
			s.remoteEnded(st)
		}
	}
	return nil
}

// beginData finds the stream of a DATA frame, and charges it for the frame.
func (s *Session) beginData(f frame, empty bool) error {
	s.current = nil
	n := int64(f.length)
	credit, ok := s.arrive(f.id, n)
	if !ok {
		return connError(mux.FlowControl, "more than the connection's window")
	}
	if credit > 0 {
		s.sendWindowUpdate(0, credit)
	}
	if empty && !f.has(flagEndStream) {
		if err := s.limits.empties.fill(); err != nil {
			return err
		}
	}
	st := s.streams[f.id]
	switch {
	case s.idle(f.id):
		return connError(mux.ProtocolError, "DATA on an idle stream")
	case st == nil:
		return s.afterEnd(f.id)
	case st.remoteEnd:
		s.resetStream(st, mux.StreamClosed, true)
		return s.limits.resets.fill()
	case s.client && !st.answered:
		s.resetStream(st, mux.ProtocolError, true)
		return s.limits.resets.fill()
	case n > st.win.avail:
		s.resetStream(st, mux.FlowControl, true)
		return s.limits.resets.fill()
	}
	st.win.avail -= n
	s.noteLength(st, n)
	if st.closed && n > 0 {
		// The peer goes on sending to somebody who has left.
		s.resetStream(st, s.unwanted(), false)
		return nil
	}
	st.arrived = 0
	if !st.readClosed { // or else the credit is withheld
		st.win.queued += n
		s.queuedIn += n
	}
	s.current = st
	return nil
}

// unwanted is the code for what need not be sent any more: a server that has
// answered in full says that nothing is wrong (RFC 9113, section 8.1).
func (s *Session) unwanted() mux.Code {
	if s.client {
		return mux.Cancel
	}
	return mux.NoError
}

// idle reports whether no stream with that id has ever been.
func (s *Session) idle(id uint32) bool {
	if s.client {
		return id%2 == 0 || id >= s.nextID
	}
	return id%2 == 0 || id > s.peerLast
}

// afterEnd judges a frame on a stream that has been: RFC 9113, section 5.1.
func (s *Session) afterEnd(id uint32) error {
	switch {
	case s.recent.reset(id):
		return nil // it was on its way
	case s.recent.ended(id):
		return connError(mux.StreamClosed, "a frame behind the end of its stream")
	}
	return s.refuse(id, mux.StreamClosed)
}

// refuse answers what came on a stream that is no more.
func (s *Session) refuse(id uint32, code mux.Code) error {
	s.sendReset(id, code)
	s.recent.add(id, true)
	return s.limits.resets.fill()
}

// onFrame does what any frame but DATA asks for.
func (s *Session) onFrame(e event) error {
	if !s.settled && e.typ != frameSettings {
		return connError(mux.ProtocolError, "no SETTINGS at first")
	}
	if len(s.control) > maxControl {
		return connError(mux.Calm, "answers are not read")
	}
	switch e.typ {
	case frameHeaders:
		return s.onHeaders(e)
	case frameContinuation:
		return s.onContinuation(e)
	case framePriority:
		return s.onPriority(e)
	case frameReset:
		return s.onReset(e)
	case frameSettings:
		return s.onSettings(e)
	case framePushPromise:
		return connError(mux.ProtocolError, "PUSH_PROMISE was not allowed")
	case framePing:
		return s.onPing(e)
	case frameGoAway:
		return s.onGoAway(e)
	case frameWindowUpdate:
		return s.onWindowUpdate(e)
	case framePriorityUpdate:
		return s.onPriorityUpdate(e)
	}
	return s.limits.trifles.fill()
}

// onPriority checks what RFC 9113 has left of PRIORITY.
func (s *Session) onPriority(e event) error {
	if err := s.limits.trifles.fill(); err != nil {
		return err
	}
	code := mux.NoError
	switch {
	case len(e.payload) != 5:
		code = mux.FrameSize
	case binary.BigEndian.Uint32(e.payload)&maxID == e.id:
		code = mux.ProtocolError
	default:
		return nil
	}
	if st := s.streams[e.id]; st != nil {
		s.resetStream(st, code, true)
		return s.limits.resets.fill()
	}
	return connError(code, "broken PRIORITY")
}

// onPriorityUpdate takes the priority of a stream over: RFC 9218, section 7.1.
func (s *Session) onPriorityUpdate(e event) error {
	if s.client {
		return connError(mux.ProtocolError, "PRIORITY_UPDATE from a server")
	}
	if err := s.limits.trifles.fill(); err != nil {
		return err
	}
	id := binary.BigEndian.Uint32(e.payload) & maxID
	if st := s.streams[id]; st != nil {
		s.sched.move(st, parseUrgency(string(e.payload[4:])))
	}
	return nil
}

// onReset ends a stream that the peer has given up.
func (s *Session) onReset(e event) error {
	if s.idle(e.id) {
		return connError(mux.ProtocolError, "RST_STREAM on an idle stream")
	}
	if !s.client {
		if err := s.limits.resets.fill(); err != nil {
			return err
		}
	}
	st := s.streams[e.id]
	if st == nil {
		return nil
	}
	code := mux.Code(binary.BigEndian.Uint32(e.payload))
	s.stats.ResetsReceived++
	st.resetBy(&mux.StreamError{Code: code, Remote: true, Unprocessed: code == mux.Refused && s.client})
	s.remove(st)
	return nil
}

func (s *Session) onSettings(e event) error {
	if e.has(flagAck) {
		if s.rtt.number == 0 && !s.rtt.sent.IsZero() {
			s.rtt.sample()
		}
		return nil
	}
	if err := s.limits.settings.fill(); err != nil {
		return err
	}
	for p := e.payload; len(p) > 0; p = p[6:] {
		if err := s.set(setting{binary.BigEndian.Uint16(p), binary.BigEndian.Uint32(p[2:])}); err != nil {
			return err
		}
	}
	s.settled = true
	s.reserve(headerLen)
	s.control = appendFrame(s.control, frame{typ: frameSettings, flags: flagAck})
	return nil
}

// set applies one of the peer's settings.
func (s *Session) set(p setting) error {
	switch p.id {
	case settingTableSize:
		s.encoder.SetMaxDynamicTableSize(min(p.value, tableSize))
	case settingPush:
		if p.value > 1 || s.client && p.value != 0 {
			return connError(mux.ProtocolError, "invalid SETTINGS_ENABLE_PUSH")
		}
	case settingMaxStreams:
		s.peerLimit = int(min(p.value, 1<<30))
		s.slots.Broadcast()
	case settingWindow:
		if p.value > maxWindow {
			return connError(mux.FlowControl, "invalid SETTINGS_INITIAL_WINDOW_SIZE")
		}
		change := int64(p.value) - s.initial
		s.initial = int64(p.value)
		for _, st := range s.streams {
			if st.credit+change > maxWindow {
				return connError(mux.FlowControl, "SETTINGS_INITIAL_WINDOW_SIZE makes a window too large")
			}
			st.credit += change
			s.sched.update(st)
		}
	case settingMaxFrame:
		if p.value < defaultMaxFrame || p.value > largestMaxFrame {
			return connError(mux.ProtocolError, "invalid SETTINGS_MAX_FRAME_SIZE")
		}
		s.peerMax = int(p.value)
		s.setFrameMax()
	case settingConnect:
		if p.value > 1 || s.connect && p.value == 0 {
			return connError(mux.ProtocolError, "invalid SETTINGS_ENABLE_CONNECT_PROTOCOL")
		}
		s.connect = p.value == 1
	}
	return nil
}

func (s *Session) onWindowUpdate(e event) error {
	n := int64(binary.BigEndian.Uint32(e.payload) & maxID)
	if e.id == 0 {
		if n == 0 {
			return connError(mux.ProtocolError, "WINDOW_UPDATE of nothing")
		}
		if s.window += n; s.window > maxWindow {
			return connError(mux.FlowControl, "the connection's window is too large")
		}
		return nil
	}
	st := s.streams[e.id]
	switch {
	case s.idle(e.id):
		return connError(mux.ProtocolError, "WINDOW_UPDATE on an idle stream")
	case st == nil:
		return s.limits.trifles.fill()
	case n == 0:
		s.resetStream(st, mux.ProtocolError, true)
		return s.limits.resets.fill()
	case st.credit+n > maxWindow:
		s.resetStream(st, mux.FlowControl, true)
		return s.limits.resets.fill()
	}
	st.credit += n
	s.sched.update(st)
	return nil
}

// recent remembers the streams that have gone last: what still comes on one that
// we have reset was on its way, and on one that the peer has ended it is an
// offence.
type recent struct {
	ids  []uint32 // the lowest bit, which says nothing in one session: reset
	next int
}

const recentMax = 256

func (r *recent) add(id uint32, reset bool) {
	id &^= 1
	if reset {
		id |= 1
	}
	if len(r.ids) < recentMax {
		r.ids = append(r.ids, id)
		return
	}
	r.ids[r.next] = id
	r.next = (r.next + 1) % recentMax
}

func (r *recent) reset(id uint32) bool { return r.find(id | 1) }
func (r *recent) ended(id uint32) bool { return r.find(id &^ 1) }

func (r *recent) find(id uint32) bool {
	for _, x := range r.ids {
		if x == id {
			return true
		}
	}
	return false
}

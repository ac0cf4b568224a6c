package h2mux

import "math/bits"

// The scheduler decides whose bytes are sent next: the most urgent streams
// first, and those of equal urgency in turns of quantum bytes, by deficit round
// robin. A stream that has been idle gets its first turn before those that have
// been busy, and so an exchange of messages does not wait behind bulk. It keeps
// its place among the others until its turn there would have come, so that
// stopping and starting gains nothing.
//
// Sources: Shreedhar and Varghese, Efficient Fair Queuing using Deficit Round
// Robin (1995); RFC 8290, section 4.2, for the sparse ones; RFC 9218.
type scheduler struct {
	levels   [urgencies]level
	occupied uint8 // bit i: levels[i] has streams
	sendable int   // streams with bytes to send and credit for them

	// Who finds the connection free writes without ever waiting, and on few
	// processors those who want to take turns with it would not get to run.
	total   int64  // bytes sent
	last    uint32 // the stream that sent last
	changed int64  // total when that was another one
	sparse  int64  // total when a message was sent that took little of a first turn
	wide    bool   // large batches are worth more than their delay to others
	short   int    // what a turn lacks of a quantum
}

const (
	urgencies      = 8
	defaultUrgency = 3
	// quantum divides windows and reads, which are powers of two, so that they
	// leave no rest that would be a frame of its own. Where frames are to fill TLS
	// records, turns are as much shorter.
	quantum = 16 << 10
	// leastTurn is what must be left of a turn to go on with it.
	leastTurn = 1 << 10
)

type level struct{ fresh, busy list }

// A list holds streams in the order of their turns.
type list struct{ head, tail *Stream }

// A turn is a stream's place in the scheduler.
type turn struct {
	prev, next *Stream
	in         *list // nil: not listed
	urgency    uint8
	counted    bool // in scheduler.sendable
	short      bool // what is being written is much less than it
	deficit    int
	unyielded  int // bytes sent since its writer has let others run
}

func (l *list) push(st *Stream) {
	t := &st.turn
	t.in, t.prev, t.next = l, l.tail, nil
	if l.tail == nil {
		l.head = st
	} else {
		l.tail.turn.next = st
	}
	l.tail = st
}

func (l *list) remove(st *Stream) {
	t := &st.turn
	if t.prev == nil {
		l.head = t.next
	} else {
		t.prev.turn.next = t.next
	}
	if t.next == nil {
		l.tail = t.prev
	} else {
		t.next.turn.prev = t.prev
	}
	t.in, t.prev, t.next = nil, nil, nil
}

// update lists the stream if it has something to send, and keeps count. It is
// to be called after every change of what a stream has to send or may send.
func (s *scheduler) update(st *Stream) {
	sendable := st.left > 0 && st.credit > 0
	if sendable != st.turn.counted {
		st.turn.counted = sendable
		if sendable {
			s.sendable++
		} else {
			s.sendable--
		}
	}
	if sendable && st.turn.in == nil {
		st.turn.deficit = s.quantum()
		s.levels[st.turn.urgency].fresh.push(st)
		s.occupied |= 1 << st.turn.urgency
	}
}

// forget takes the stream out. It must have nothing to send.
func (s *scheduler) forget(st *Stream) {
	s.update(st)
	if st.turn.in != nil {
		st.turn.in.remove(st)
	}
}

// move gives the stream another urgency.
func (s *scheduler) move(st *Stream, urgency uint8) {
	if st.turn.in != nil {
		st.turn.in.remove(st)
	}
	st.turn.urgency = urgency
	s.update(st)
}

// pick returns the stream whose turn it is and how many bytes that is, at most;
// nil if none can send. The caller sends some of them and calls sent.
func (s *scheduler) pick() (*Stream, int) {
	for s.sendable > 0 {
		if s.occupied == 0 {
			panic("h2mux: a stream that can send is not listed")
		}
		l := &s.levels[bits.TrailingZeros8(s.occupied)]
		st := l.fresh.head
		if st == nil {
			st = l.busy.head
		}
		switch {
		case st == nil:
			s.occupied &= s.occupied - 1
		case st.turn.counted && s.sendable == 1:
			return st, maxTurn // nobody waits
		case st.turn.counted && st.left <= st.turn.deficit+tail:
			return st, st.left // on credit, if it is more than the turn
		case st.turn.counted && st.turn.deficit >= leastTurn:
			return st, st.turn.deficit
		case st.turn.counted:
			st.turn.deficit += s.turn()
			st.turn.in.remove(st)
			l.busy.push(st)
		case st.turn.in == &l.fresh:
			st.turn.in.remove(st)
			l.busy.push(st)
		default:
			st.turn.in.remove(st)
		}
	}
	return nil, 0
}

// tail is how much more than its turn a stream may send to have done with a
// Write, at the expense of its next turn.
const tail = 1 << 10

// maxTurn is more than a batch holds.
const maxTurn = 1 << 30

// sent counts n bytes of the stream's turn.
func (s *scheduler) sent(st *Stream, n int) {
	st.turn.deficit = max(st.turn.deficit-n, -quantum)
	st.turn.unyielded += n
	s.total += int64(n)
	if st.turn.short && st.left == 0 && st.turn.in == &s.levels[st.turn.urgency].fresh {
		s.sparse = s.total
	}
	if s.last != st.id {
		s.last, s.changed = st.id, s.total
	}
	s.update(st)
}

// yield reports whether the writer of st has had its turn, and others have been
// sending not long ago: then it lets them run.
func (s *scheduler) yield(st *Stream) bool {
	if st.turn.unyielded < quantum {
		return false
	}
	st.turn.unyielded = 0
	return s.crowd()
}

// crowd reports whether several streams have been sending not long ago.
func (s *scheduler) crowd() bool { return s.total-s.changed < crowded }

// crowded is how many bytes in a row one stream sends before it is alone.
const crowded = 1 << 20

// bulky reports whether batches and turns are better long: nobody has sent short
// messages for a while, who would wait behind them.
func (s *scheduler) bulky() bool { return s.wide && s.total-s.sparse > bulk }

// turn is how many bytes a turn is.
func (s *scheduler) turn() int {
	if s.bulky() {
		return 4 * s.quantum()
	}
	return s.quantum()
}

func (s *scheduler) quantum() int { return quantum - s.short }

// bulk is how many bytes without a short message among them say so.
const bulk = 4 << 20

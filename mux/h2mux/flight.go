package h2mux

import "time"

// A flight is what the peer may have on its way to here on all streams together.
// It bounds the queue in the sockets, which every stream's bytes wait in: while
// that is short, it is the peer's scheduler that shares the connection among
// streams and sends what is urgent first, and what is sent arrives soon. Credit
// comes back as bytes arrive, so that a stream which nobody reads stops no other.
type flight struct {
	last   uint32 // the stream whose bytes came last
	since  uint64 // Stats.BytesReceived when that was another one
	left   int64  // what the peer may still send
	target int64  // what left is refilled to
	epoch  time.Time
	used   int64  // bytes arrived since
	behind bool   // there is more in the socket than was read last
	sparse uint64 // Stats.BytesReceived when a short message came last
}

// A flight grows while it is used up within two round trips, or flightBelow
// where that is longer, and shrinks when that takes flightShrink times as long.
// One stream alone has nobody to wait for it, so that it may have more in the
// sockets. So may several, if the peer is near and nobody sends short messages,
// which would wait: there it is not the way that a flight has to fill, but the time
// until the processes at both ends have run. A flight takes no memory, but for
// what they hold.
const (
	flightFloor  = 256 << 10
	flightBulk   = 1 << 20
	flightMax    = 256 << 20
	flightBelow  = 100 * time.Microsecond
	flightAlone  = time.Millisecond
	flightShrink = 2
)

// crowded reports whether bytes of several streams have been coming not long ago.
func (s *Session) crowded() bool { return s.stats.BytesReceived-s.flight.since < crowded }

// arrive counts n bytes of DATA that have come on a stream, and returns the
// credit to be advertised, if any. It reports whether the peer has kept to what
// it had.
func (s *Session) arrive(id uint32, n int64) (credit int64, ok bool) {
	f := &s.flight
	if f.last != id {
		f.last, f.since = id, s.stats.BytesReceived
	}
	if f.left -= n; f.left < 0 {
		return 0, false
	}
	f.used += n
	if credit = f.target - f.left; credit < f.target/4 {
		return 0, true
	}
	if f.used >= f.target {
		s.adaptFlight(f)
	}
	if credit = f.target - f.left; credit <= 0 {
		return 0, true
	}
	credit = s.whole(credit)
	f.left += credit
	return credit, true
}

// adaptFlight looks at how long the peer took to use f up.
func (s *Session) adaptFlight(f *flight) {
	now := time.Now()
	s.measure(now)
	took := now.Sub(f.epoch)
	first := f.epoch.IsZero()
	f.epoch, f.used = now, 0
	alone := !s.crowded()
	fast := max(flightBelow, s.rtt.twice())
	if alone {
		fast = max(fast, flightAlone)
	}
	floor := s.flightFloor()
	switch {
	case first:
	case took < fast && (alone || !f.behind):
		f.target = min(2*f.target, flightMax)
	case took > flightShrink*fast, f.target < floor:
		f.target = max(f.target/2, floor)
	}
}

func (s *Session) flightFloor() int64 {
	if s.rtt.short() && s.stats.BytesReceived-s.flight.sparse > bulk {
		return flightBulk
	}
	return flightFloor
}

// shortFrame is the length of DATA up to which it may be a message of its own.
const shortFrame = 2 << 10

// noteLength is told of a frame of n bytes on a stream. A short one may also be the
// rest of a Write; two in a row are messages.
func (s *Session) noteLength(st *Stream, n int64) {
	short := n <= shortFrame
	if short && st.short {
		s.flight.sparse = s.stats.BytesReceived
	}
	st.short = short
}

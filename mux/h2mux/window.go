package h2mux

import "time"

// A window is what a stream's peer may send. Credit that was advertised cannot
// be taken back, so a window shrinks by not handing out more.
//
// The budget is charged for the most that the peer may have in flight and
// unread, beyond the floor.
type window struct {
	avail  int64 // advertised, and not arrived yet
	queued int64 // arrived or arriving, and not read yet
	target int64 // what avail and queued together are refilled to

	reserved int64     // of the budget, for what is beyond the floor
	epoch    time.Time // when the peer's use of the window was last looked at
	used     int64     // bytes read since
}

// bound is what the peer may have in flight and unread at most.
func (w *window) bound() int64 { return max(w.target, w.avail+w.queued) }

// Windows grow while they are used up within growBelow or two round trips,
// whichever is longer, and shrink when using one up takes shrinkAbove times as
// long.
const (
	growBelow   = 250 * time.Microsecond
	shrinkAbove = 16
)

// shortWindow is what a window grows to where the peer is near. More would do no
// good there, and leave the processor's caches.
const shortWindow = 512 << 10

// consume counts n bytes that were read, and returns the credit to be
// advertised now, if any.
func (s *Session) consume(w *window, n int64) (credit int64) {
	w.queued -= n
	s.queuedIn -= n
	w.used += n
	s.settle(w) // it may be shrinking
	credit = w.target - w.queued - w.avail
	if credit < w.target/4 {
		return 0
	}
	if w.used >= w.target {
		s.adapt(w)
		credit = w.target - w.queued - w.avail
	}
	if credit <= 0 {
		return 0
	}
	credit = s.whole(credit)
	w.avail += credit
	return credit
}

// whole is credit without what would be a frame of its own, cut from a turn.
func (s *Session) whole(credit int64) int64 {
	if turn := int64(s.sched.quantum()); credit > turn {
		credit -= credit % turn
	}
	return credit
}

// adapt looks at how long the peer took to use the window up.
func (s *Session) adapt(w *window) {
	now := time.Now()
	s.measure(now)
	took := now.Sub(w.epoch)
	first := w.epoch.IsZero()
	w.epoch, w.used = now, 0
	if first {
		return
	}
	fast := max(growBelow, s.rtt.twice())
	switch {
	case took < fast && (w.queued <= w.target/4 || !s.crowded()): // or else more would be unread
		s.grow(w)
	case took > shrinkAbove*fast && w.target > s.floor:
		w.target = max(w.target/2, s.floor)
		s.settle(w)
	}
}

// grow doubles the window if the budget allows it.
func (s *Session) grow(w *window) {
	target := min(2*w.target, s.maxWindow)
	if s.rtt.short() {
		target = max(w.target, min(target, shortWindow))
	}
	more := target - s.floor - w.reserved
	if more > 0 {
		if !s.cfg.Budget.TryReserve(int(more)) {
			return
		}
		w.reserved += more
	}
	w.target = target
}

// settle gives back what is reserved for more than the peer can use.
func (s *Session) settle(w *window) {
	if spare := w.reserved - max(0, w.bound()-s.floor); spare > 0 {
		s.cfg.Budget.Release(int(spare))
		w.reserved -= spare
	}
}

// abandon gives back all of it. Nothing more will come.
func (s *Session) abandon(w *window) {
	s.queuedIn -= w.queued
	w.queued, w.avail, w.target = 0, 0, s.floor
	if w.reserved > 0 {
		s.cfg.Budget.Release(int(w.reserved))
		w.reserved = 0
	}
}

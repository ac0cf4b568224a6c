package quicmux

import "time"

// A watch looks at a session from time to time, and finds senders whose congestion
// windows are small though neither a queue nor a loss explains it.
type watch struct {
	from  sample // where the span under observation begins
	lost  uint64 // packets, when slow start began last: any more explain the window
	came  float64
	creep int // spans in a row in which the peer's window grew by a packet per round trip
}

const (
	// watchSpan is how many round trips lie between two samples. In slow start a
	// window would grow 256-fold.
	watchSpan = 8
	// watchFrom is from what round trip on it matters: on shorter ways a packet
	// more each time is much.
	watchFrom = 4 * time.Millisecond
	// watchPacket is about a packet's length, in bytes.
	watchPacket = 1300
	// watchCreep is how many spans in a row show how the peer's window grows. Who
	// sends at a rate of his own hardly looks like that for as long.
	watchCreep = 3
)

// A sample is what is known of a session at one moment.
type sample struct {
	at             time.Time
	sent, received uint64 // bytes so far
	lost           uint64 // packets so far, of those sent
	window         uint64 // the congestion window of this side, in bytes
	rtt, least     time.Duration
}

// next takes a sample, watchSpan round trips after the last or later, and reports
// whether a window is too small.
func (w *watch) next(to sample) bool {
	from := w.from
	w.from = to
	if from.at.IsZero() {
		return false
	}
	rounds := float64(to.at.Sub(from.at)) / float64(to.rtt)
	calm := to.least >= watchFrom && to.rtt <= to.least+to.least/8
	// Of the peer's window only what comes in a round trip is known.
	came := float64(to.received-from.received) / rounds
	more := (came - w.came) / rounds
	if w.came = came; calm && watchPacket/2 < more && more < watchPacket*3/2 {
		w.creep++
	} else {
		w.creep = 0
	}
	if w.creep == watchCreep {
		return true
	}
	return calm && to.lost == w.lost &&
		to.window <= from.window+from.window/2 &&
		float64(to.sent-from.sent) > 0.7*rounds*float64(from.window)
}

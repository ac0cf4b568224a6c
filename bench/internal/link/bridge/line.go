package bridge

import (
	"math/rand/v2"
	"time"
)

// LateAfter is the delay beyond its due time from which a packet counts as late.
const LateAfter = 500 * time.Microsecond

// A Line is one direction of a link: a drop-tail queue, a transmitter of fixed
// rate, and a wire of fixed delay. It knows no clock: whoever drives it says
// what time it is, and never goes back in time.
//
// The queue and the transmitter need no buffer of their own: the moment at which
// the transmitter will be free tells how much is waiting, and when a packet that
// is admitted now will arrive. What is stored is one FIFO of packets, each with
// the time at which it is due.
//
// A Line is not safe for concurrent use. Push and Pop do not allocate once the
// table of packets has grown to its working size (TestLineAllocs).
type Line struct {
	shape  Shape
	queue  time.Duration // the queue's bound, as time of transmission
	free   time.Time     // when the transmitter is done with all that was admitted
	carry  int64         // of free: a fraction of a nanosecond, in 1/rate
	fifo   fifo
	chance *rand.Rand // of loss
	stats  LineStats
}

// LineStats counts what one direction did. Packets are packets of the wire:
// a multi-segment packet counts each of its segments.
type LineStats struct {
	Packets        int64         `json:"packets"`
	Bytes          int64         `json:"bytes"`
	Crossings      int64         `json:"crossings"`    // single or multi-segment packets delivered, one write each
	LostPackets    int64         `json:"lost_packets"` // on the wire, by Shape.Loss
	DroppedPackets int64         `json:"dropped_packets"`
	DroppedBytes   int64         `json:"dropped_bytes"`
	MaxQueueBytes  int64         `json:"max_queue_bytes"`
	Late           int64         `json:"late"` // crossings delivered LateAfter or more after they were due
	MaxLate        time.Duration `json:"max_late_ns"`
}

// NewLine returns a line of the given shape, which must be a resolved one.
func NewLine(s Shape) *Line {
	// The line holds at most the queue and what is on the wire. A stored packet
	// is longer than its wire bytes by its virtual header, at worst by half.
	capacity := 2*(s.Queue+s.bytesIn(s.Delay)) + 4*maxFrame
	return &Line{shape: s, queue: s.timeFor(s.Queue), fifo: newFIFO(int(capacity)), chance: rand.New(rand.NewPCG(1, 2))}
}

// Push offers a packet that arrived now and takes up size on the wire. The line
// copies it, or drops it where the queue has no room for all of it, and reports
// which. An idle transmitter takes any packet. What the wire loses was taken.
func (l *Line) Push(now time.Time, packet []byte, size Size) bool {
	start, carry := l.free, l.carry
	if start.Before(now) {
		start, carry = now, 0
	}
	carry += int64(size.Bytes) * 8 * int64(time.Second)
	end := start.Add(time.Duration(carry / l.shape.Rate))
	idle := start.Equal(now)
	full := !idle && end.Sub(now) > l.queue
	lost := !full && l.shape.Loss > 0 && l.chance.Float64() < l.shape.Loss
	if full || !lost && !l.fifo.push(packet, end.Add(l.shape.Delay), size) {
		l.stats.DroppedPackets += int64(size.Packets)
		l.stats.DroppedBytes += int64(size.Bytes)
		return false
	}
	if lost {
		l.stats.LostPackets += int64(size.Packets)
	}
	l.free, l.carry = end, carry%l.shape.Rate
	if !idle {
		l.stats.MaxQueueBytes = max(l.stats.MaxQueueBytes, l.shape.bytesIn(end.Sub(now)))
	}
	return true
}

// Next returns when the next packet is due, and false if there is none.
func (l *Line) Next() (time.Time, bool) {
	p, ok := l.fifo.first()
	return p.due, ok
}

// Pop takes the next packet if it is due now. The line owns the slice, which is
// good until the next Push.
func (l *Line) Pop(now time.Time) ([]byte, bool) {
	p, ok := l.fifo.first()
	if !ok || now.Before(p.due) {
		return nil, false
	}
	late := now.Sub(p.due)
	if late >= LateAfter {
		l.stats.Late++
	}
	l.stats.MaxLate = max(l.stats.MaxLate, late)
	l.stats.Crossings++
	l.stats.Packets += int64(p.size.Packets)
	l.stats.Bytes += int64(p.size.Bytes)
	return l.fifo.pop(), true
}

// Stats returns the counters so far.
func (l *Line) Stats() LineStats { return l.stats }

package bridge

import (
	"fmt"
	"math"
	"time"
)

const (
	defaultRate  = 1_000_000_000
	defaultDelay = 10 * time.Millisecond
	minQueue     = 10 * 1500 // one initial TCP window

	maxRate  = 100_000_000_000
	maxDelay = 10 * time.Second
	maxQueue = 1 << 30
)

// Shape says what one direction of a link does to packets.
type Shape struct {
	// Rate is in bits of IP packet per second; what would frame the packets on
	// a real wire is not counted. Zero means 1 Gbit/s.
	Rate int64 `json:"rate_bits_per_second"`
	// Delay is the time from the end of a packet's transmission to its arrival.
	// Zero means 10 ms. Negative means none.
	Delay time.Duration `json:"delay_ns"`
	// Queue bounds the bytes that wait for transmission. Zero means one
	// bandwidth-delay product: what Rate carries in twice the Delay, and at
	// least 15000 bytes. Negative means that nothing waits.
	Queue int64 `json:"queue_bytes"`
	// Loss is the part of the packets, from 0 to 1, that the wire loses, one by
	// one and by a sequence of random numbers that is always the same. A link
	// with losses carries no multi-segment packets.
	Loss float64 `json:"loss,omitempty"`
}

// Resolve returns s with its defaults filled in: Rate is positive, Delay and
// Queue are exact, with 0 for none. It refuses what cannot be meant.
func (s Shape) Resolve() (Shape, error) {
	if s.Rate == 0 {
		s.Rate = defaultRate
	}
	if s.Rate < 0 || s.Rate > maxRate {
		return Shape{}, fmt.Errorf("bridge: rate %d bit/s is not within 1..%d", s.Rate, int64(maxRate))
	}
	if !(s.Loss >= 0 && s.Loss < 1) {
		return Shape{}, fmt.Errorf("bridge: loss of %v is not within 0..1", s.Loss)
	}
	switch {
	case s.Delay == 0:
		s.Delay = defaultDelay
	case s.Delay < 0:
		s.Delay = 0
	case s.Delay > maxDelay:
		return Shape{}, fmt.Errorf("bridge: delay %v is above %v", s.Delay, maxDelay)
	}
	switch {
	case s.Queue == 0:
		s.Queue = max(s.bytesIn(2*s.Delay), minQueue)
	case s.Queue < 0:
		s.Queue = 0
	}
	if s.Queue > maxQueue {
		return Shape{}, fmt.Errorf("bridge: queue of %d bytes is above %d", s.Queue, maxQueue)
	}
	return s, nil
}

// bytesIn returns how many bytes the rate carries in d.
func (s Shape) bytesIn(d time.Duration) int64 {
	return int64(math.Round(float64(s.Rate) / 8 * d.Seconds()))
}

// timeFor returns how long the rate takes to carry n bytes.
func (s Shape) timeFor(n int64) time.Duration {
	return time.Duration(math.Round(float64(n) * 8 / float64(s.Rate) * float64(time.Second)))
}

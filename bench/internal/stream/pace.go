package stream

import (
	"sync/atomic"
	"time"
)

// Pace sends frames on w, as large and as fast as req says, until one was
// the last. Before each frame next is asked how many of the n bytes it shall
// carry, and whether it is the last.
//
// A rate is kept open-loop: after a stall the frames that are due follow at
// once, so that the load over time does not depend on who carries it.
func Pace(w *Writer, req Request, next func(n int) (int, bool)) error {
	size := int(req.Frame)
	if size == 0 {
		size = MaxPayload
	}
	var interval time.Duration
	if req.Rate > 0 {
		interval = time.Duration(float64(size) / float64(req.Rate) * float64(time.Second))
	}
	due := time.Now()
	for {
		n, last := next(size)
		if err := w.WriteFrame(n, last); err != nil || last {
			return err
		}
		if interval > 0 {
			due = due.Add(interval)
			if wait := time.Until(due); wait > 0 {
				time.Sleep(wait)
			}
		}
	}
}

// Exactly is for Pace: a stream with that many bytes of payload.
func Exactly(bytes uint64) func(n int) (int, bool) {
	return func(n int) (int, bool) {
		n = int(min(uint64(n), bytes))
		bytes -= uint64(n)
		return n, bytes == 0
	}
}

// Until is for Pace: a stream that ends after stop was set.
func Until(stop *atomic.Bool) func(n int) (int, bool) {
	return func(n int) (int, bool) { return n, stop.Load() }
}

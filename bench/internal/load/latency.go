package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latency sums up many times of one thing.
type Latency struct {
	N                  int64
	P50, P95, P99, Max time.Duration
}

// histogram records times from 1 ns to 100 s with three digits.
type histogram struct{ h *hdrhistogram.Histogram }

func newHistogram() histogram {
	return histogram{hdrhistogram.New(1, int64(100*time.Second), 3)}
}

// record counts d; what lies outside the range counts as its end, because a
// lost extreme would be a flattering one.
func (h histogram) record(d time.Duration) {
	_ = h.h.RecordValue(int64(min(max(d, 1), 100*time.Second)))
}

func (h histogram) latency() Latency {
	at := func(q float64) time.Duration { return time.Duration(h.h.ValueAtQuantile(q)) }
	return Latency{N: h.h.TotalCount(), P50: at(50), P95: at(95), P99: at(99), Max: time.Duration(h.h.Max())}
}

package rivals

import (
	"slices"
	"testing"
	"time"
)

// latencies collects the times of single operations.
type latencies struct {
	times []time.Duration
	start time.Time
}

// maxLatencies bounds the memory; what comes later is not recorded.
const maxLatencies = 1 << 20

func newLatencies() *latencies {
	return &latencies{times: make([]time.Duration, 0, maxLatencies)}
}

func (l *latencies) begin() { l.start = time.Now() }

func (l *latencies) end() {
	if len(l.times) < maxLatencies {
		l.times = append(l.times, time.Since(l.start))
	}
}

// report adds the percentiles to the benchmark's result.
func (l *latencies) report(b *testing.B) {
	if len(l.times) == 0 {
		return
	}
	slices.Sort(l.times)
	for _, p := range []struct {
		unit string
		part float64
	}{{"p50-ns", 0.50}, {"p95-ns", 0.95}, {"p99-ns", 0.99}} {
		b.ReportMetric(float64(l.times[int(p.part*float64(len(l.times)-1))]), p.unit)
	}
}

// jain is the fairness index of shares: 1 if all are equal, 1/n if one has it
// all.
func jain(shares []int64) float64 {
	var sum, squares float64
	for _, s := range shares {
		sum += float64(s)
		squares += float64(s) * float64(s)
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(shares)) * squares)
}

func TestJain(t *testing.T) {
	for _, tt := range []struct {
		shares []int64
		want   float64
	}{{[]int64{5, 5, 5, 5}, 1}, {[]int64{8, 0, 0, 0}, 0.25}, {[]int64{0, 0}, 1}} {
		if got := jain(tt.shares); got != tt.want {
			t.Errorf("jain(%v) = %g, want %g", tt.shares, got, tt.want)
		}
	}
}

package paired_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/paired"
)

// series draws rounds whose runs are near 100, a third of them disturbed,
// and whose new runs take factor times as long.
func series(rng *rand.Rand, rounds int, factor float64) paired.Series {
	var s paired.Series
	for range rounds {
		level := 100 * math.Exp(0.2*rng.NormFloat64())
		run := func() float64 {
			v := level * math.Exp(0.01*rng.NormFloat64())
			if rng.IntN(3) == 0 {
				v *= 1 + rng.ExpFloat64()
			}
			return v
		}
		s.A1 = append(s.A1, run())
		s.A2 = append(s.A2, run())
		s.B = append(s.B, run()*factor)
	}
	return s
}

func constant(v float64) []float64 { return slices.Repeat([]float64{v}, 10) }

func TestJudgeFindsFivePercent(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const tries = 100
	found := 0
	for range tries {
		r := paired.Test{Comparisons: 10}.Judge(series(rng, 80, 1.05), paired.Lower)
		if r.Verdict == paired.Worse {
			found++
		}
		if r.Verdict == paired.Better {
			t.Errorf("a slow-down was called better: %+v", r)
		}
	}
	if found < 90 {
		t.Errorf("found %d of %d slow-downs of 5 %%, want 90", found, tries)
	}
}

func TestJudgeStaysSilentOnTheSameCode(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const tries, comparisons = 300, 10
	alarms := 0
	for range tries {
		alarm := false
		for range comparisons {
			r := paired.Test{Comparisons: comparisons}.Judge(series(rng, 10, 1), paired.Lower)
			alarm = alarm || r.Verdict != paired.NoChange
		}
		if alarm {
			alarms++
		}
	}
	// The promise is one in a hundred runs; the seed is fixed.
	if alarms > 8 {
		t.Errorf("%d of %d runs raised a false alarm, want about 3 at most", alarms, tries)
	}
}

func TestJudgeVerdicts(t *testing.T) {
	spread := func(values ...float64) []float64 { return values }
	base := spread(100, 101, 99, 100, 102, 98, 100, 101, 99, 100)
	again := spread(101, 100, 100, 99, 101, 99, 101, 100, 100, 99)
	times := func(f float64) []float64 {
		out := slices.Clone(base)
		for i := range out {
			out[i] *= f
		}
		return out
	}
	tests := []struct {
		name   string
		s      paired.Series
		better paired.Direction
		want   paired.Verdict
	}{
		{"slower", paired.Series{A1: base, A2: again, B: times(1.1)}, paired.Lower, paired.Worse},
		{"faster", paired.Series{A1: base, A2: again, B: times(0.9)}, paired.Lower, paired.Better},
		{"more throughput", paired.Series{A1: base, A2: again, B: times(1.1)}, paired.Higher, paired.Better},
		{"less throughput", paired.Series{A1: base, A2: again, B: times(0.9)}, paired.Higher, paired.Worse},
		{"unknown unit", paired.Series{A1: base, A2: again, B: times(0.9)}, paired.Unknown, paired.Changed},
		{"same", paired.Series{A1: base, A2: again, B: base}, paired.Lower, paired.NoChange},
		{"within the A/A noise", paired.Series{A1: base, A2: times(1.2), B: times(1.15)}, paired.Lower, paired.NoChange},
		{"sure but tiny", paired.Series{A1: constant(1000), A2: constant(1000), B: constant(1001)}, paired.Lower, paired.NoChange},
		{"one allocation more", paired.Series{A1: constant(4), A2: constant(4), B: constant(5)}, paired.Lower, paired.Worse},
		{"first allocation", paired.Series{A1: constant(0), A2: constant(0), B: constant(1)}, paired.Lower, paired.Worse},
		{"last allocation gone", paired.Series{A1: constant(1), A2: constant(1), B: constant(0)}, paired.Lower, paired.Better},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (paired.Test{}).Judge(tt.s, tt.better); got.Verdict != tt.want {
				t.Errorf("Judge = %+v, want %v", got, tt.want)
			}
		})
	}
}

func TestJudgeReportsAbsoluteChangeFromZero(t *testing.T) {
	r := paired.Test{}.Judge(paired.Series{A1: constant(0), A2: constant(0), B: constant(2)}, paired.Lower)
	if !r.Absolute || r.Change.Estimate != 2 {
		t.Errorf("Judge(0 to 2) = %+v, want an absolute change of 2", r)
	}
	r = paired.Test{}.Judge(paired.Series{A1: constant(2), A2: constant(2), B: constant(3)}, paired.Lower)
	if r.Absolute || math.Abs(r.Change.Estimate-0.5) > 1e-12 {
		t.Errorf("Judge(2 to 3) = %+v, want a relative change of 0.5", r)
	}
}

func TestConstant(t *testing.T) {
	s := paired.Series{A1: constant(7), A2: constant(7), B: constant(7)}
	if !s.Constant() {
		t.Error("Constant() = false for equal values")
	}
	s.A2 = append(constant(7)[:9], 8)
	if s.Constant() {
		t.Error("Constant() = true though one value differs")
	}
}

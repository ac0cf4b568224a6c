package report_test

import (
	"testing"

	"github.com/headrace-go/headrace/bench/internal/report"
)

func TestNewFigure(t *testing.T) {
	for _, c := range []struct {
		rounds           []float64
		median, min, max float64
	}{
		{[]float64{5}, 5, 5, 5},
		{[]float64{3, 1}, 2, 1, 3},
		{[]float64{9, 1, 4}, 4, 1, 9},
		{[]float64{9, 1, 4, 6}, 5, 1, 9},
	} {
		f := report.NewFigure(c.rounds)
		if f.Median != c.median || f.Min != c.min || f.Max != c.max {
			t.Errorf("NewFigure(%v) = %+v, want median %v, %v..%v", c.rounds, f, c.median, c.min, c.max)
		}
	}
}

// TestRatioPairsRounds: both halve their speed in round 2; the ratio of each
// round is the same, though the figures spread.
func TestRatioPairsRounds(t *testing.T) {
	a := report.NewFigure([]float64{80, 40, 80})
	b := report.NewFigure([]float64{100, 50, 100})
	r, ok := report.Ratio(a, b)
	if !ok || r.Median != 0.8 || r.Min != 0.8 || r.Max != 0.8 {
		t.Errorf("Ratio = %+v, %v, want 0.8 throughout", r, ok)
	}
	if r, ok := report.Ratio(a, report.Figure{}); ok {
		t.Errorf("Ratio with nothing = %+v, want none", r)
	}
	if r, ok := report.Ratio(a, report.NewFigure([]float64{0})); ok {
		t.Errorf("Ratio with 0 = %+v, want none", r)
	}
}

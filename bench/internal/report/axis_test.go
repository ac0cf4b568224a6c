package report_test

import (
	"slices"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/report"
)

func TestLinearAxis(t *testing.T) {
	for _, c := range []struct {
		top   float64
		ticks []float64
	}{
		{0, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{1.3, []float64{0, 0.5, 1, 1.5}},
		{3012, []float64{0, 1000, 2000, 3000, 4000}},
		{100, []float64{0, 20, 40, 60, 80, 100}},
	} {
		at, ticks := report.Linear(c.top, 100, 200)
		if !slices.EqualFunc(ticks, c.ticks, near) {
			t.Errorf("Linear(%v): ticks = %v, want %v", c.top, ticks, c.ticks)
		}
		last := ticks[len(ticks)-1]
		if at(0) != 100 || !near(at(last), 200) || !near(at(last/2), 150) || at(2*last) > 200 {
			t.Errorf("Linear(%v): 0, half and all are at %v, %v, %v, want 100, 150, 200", c.top, at(0), at(last/2), at(last))
		}
	}
}

func TestLogarithmicAxis(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		ticks  []float64
	}{
		{17, 130, []float64{10, 20, 50, 100, 200}},
		{1, 1, []float64{1, 2, 5, 10}},
		{30, 90000, []float64{10, 100, 1000, 10000, 100000}},
	} {
		at, ticks := report.Logarithmic(c.lo, c.hi, 0, 100)
		if !slices.EqualFunc(ticks, c.ticks, near) {
			t.Errorf("Logarithmic(%v, %v): ticks = %v, want %v", c.lo, c.hi, ticks, c.ticks)
		}
		for i := 1; i < len(ticks); i++ {
			if at(ticks[i]) <= at(ticks[i-1]) {
				t.Errorf("Logarithmic(%v, %v): %v is not right of %v", c.lo, c.hi, ticks[i], ticks[i-1])
			}
		}
		if !near(at(ticks[0]), 0) || !near(at(ticks[len(ticks)-1]), 100) {
			t.Errorf("Logarithmic(%v, %v): the ends are at %v and %v", c.lo, c.hi, at(ticks[0]), at(ticks[len(ticks)-1]))
		}
	}
}

func near(a, b float64) bool { return a-b < 1e-6 && b-a < 1e-6 }

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 0.0123: "0.012", 0.123: "0.123", 1.234: "1.23", 12.34: "12.3", 99.98: "100", 999.6: "1000", 12345: "12345", -3.5: "-3.50",
	} {
		if got := report.Number(x); got != want {
			t.Errorf("number(%v) = %s, want %s", x, got, want)
		}
	}
}

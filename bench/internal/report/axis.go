package report

import "math"

// An axis maps values to places between left and right.
type axis struct {
	lo, hi      float64 // of the values
	left, right float64
	log         bool
}

// at returns the place of v; what is beyond an end is at that end.
func (a axis) at(v float64) float64 {
	lo, hi := a.lo, a.hi
	if a.log {
		lo, hi, v = math.Log(lo), math.Log(hi), math.Log(max(v, a.lo))
	}
	share := (min(max(v, lo), hi) - lo) / (hi - lo)
	return a.left + share*(a.right-a.left)
}

// linear returns an axis from 0 to a round number not below top, and where
// its ticks are.
func linear(top, left, right float64) (axis, []float64) {
	if top <= 0 {
		top = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(top)))
	for _, f := range []float64{0.2, 0.25, 0.5, 1, 2} {
		if top/(step*f) <= 5 {
			step *= f
			break
		}
	}
	a := axis{0, math.Ceil(top/step) * step, left, right, false}
	var ticks []float64
	for i := range int(math.Round(a.hi/step)) + 1 {
		ticks = append(ticks, float64(i)*step)
	}
	return a, ticks
}

// logarithmic returns an axis that has both ends on it, with ticks at 1, 2
// and 5 times the powers of ten, or at the powers only where those are many.
func logarithmic(lo, hi, left, right float64) (axis, []float64) {
	lo = math.Pow(10, math.Floor(math.Log10(lo)))
	if hi <= lo {
		hi = 10 * lo
	}
	factors := []float64{1, 2, 5}
	if hi/lo > 200 {
		factors = factors[:1]
	}
	a := axis{lo, hi, left, right, true}
	var ticks []float64
	for decade := lo; ; decade *= 10 {
		for _, f := range factors {
			// The last tick is the end: the first one that is not below hi.
			ticks = append(ticks, decade*f)
			if decade*f >= hi*0.999 {
				a.hi = decade * f
				return a, ticks
			}
		}
	}
}

package paired

import "math"

// NoiseAlpha is the error rate of the A/A interval. Noise only ever stops a
// verdict, so this rate is not divided among the comparisons of a run.
const NoiseAlpha = 0.05

// A Series holds the values of one unit of one benchmark, indexed by round.
// The three slices have the same length.
type Series struct {
	A1, A2, B []float64
}

// Constant reports whether no value differs from another.
func (s Series) Constant() bool {
	for _, values := range [][]float64{s.A1, s.A2, s.B} {
		for _, v := range values {
			if v != s.B[0] {
				return false
			}
		}
	}
	return true
}

// positive reports whether ratios between all values exist.
func (s Series) positive() bool {
	for _, values := range [][]float64{s.A1, s.A2, s.B} {
		for _, v := range values {
			if v <= 0 {
				return false
			}
		}
	}
	return true
}

// A Direction says which values of a unit are better.
type Direction int

const (
	Unknown Direction = iota
	Lower
	Higher
)

// A Verdict is what can be said about one unit of one benchmark.
type Verdict int

const (
	NoChange Verdict = iota
	Better
	Worse
	Changed // in a unit of unknown direction
)

func (v Verdict) String() string {
	return [...]string{"no change seen", "better", "WORSE", "changed"}[v]
}

// A Test says how sure and how large a change must be.
// The zero Test works.
type Test struct {
	// Alpha is the probability that a run reports any change where there is
	// none. Zero means 0.01.
	Alpha float64
	// Comparisons is the number of series of the run that are not constant.
	// Zero means 1.
	Comparisons int
	// Least is the smallest relative change of interest. Zero means 0.01.
	// Negative means any. It has no meaning for absolute changes.
	Least float64
}

// DefaultAlpha and DefaultLeast are what the zero Test uses.
const (
	DefaultAlpha = 0.01
	DefaultLeast = 0.01
)

// A Result is the judgement of one Series.
type Result struct {
	// Change is B against A, Noise is A2 against A1.
	Change, Noise Interval
	// Absolute is set if some value was not positive, so that ratios make no
	// sense: Change and Noise are then differences in the series' unit, and
	// otherwise relative: 0.05 is five percent more.
	Absolute bool
	Verdict  Verdict
}

// Judge compares B with A. The series needs at least one round.
func (t Test) Judge(s Series, better Direction) Result {
	if t.Alpha == 0 {
		t.Alpha = DefaultAlpha
	}
	if t.Least == 0 {
		t.Least = DefaultLeast
	}
	r := Result{Absolute: !s.positive()}
	scale := math.Log
	if r.Absolute {
		scale = func(v float64) float64 { return v }
	}
	n := len(s.B)
	against := make([]float64, 0, 2*n)
	itself := make([]float64, 0, n)
	for i := range n {
		a1, a2, b := scale(s.A1[i]), scale(s.A2[i]), scale(s.B[i])
		against = append(against, b-a1, b-a2)
		itself = append(itself, a2-a1)
	}
	change := shift(n, 2, against, t.Alpha/float64(max(t.Comparisons, 1)))
	noise := shift(n, 1, itself, NoiseAlpha)

	least := 0.0
	if !r.Absolute {
		least = math.Log1p(max(t.Least, 0))
	}
	seen := math.Abs(change.Estimate) > max(noise.HalfWidth(), least)
	switch {
	case !seen || change.Low <= 0 && change.High >= 0:
		r.Verdict = NoChange
	case better == Unknown:
		r.Verdict = Changed
	case (change.Estimate < 0) == (better == Lower):
		r.Verdict = Better
	default:
		r.Verdict = Worse
	}
	r.Change, r.Noise = change, noise
	if !r.Absolute {
		r.Change, r.Noise = relative(change), relative(noise)
	}
	return r
}

// relative turns an interval of logarithms of ratios into relative changes.
func relative(i Interval) Interval {
	return Interval{math.Expm1(i.Estimate), math.Expm1(i.Low), math.Expm1(i.High)}
}

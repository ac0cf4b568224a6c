package report

import "slices"

// A Figure is what one row measured for one metric, once per round.
type Figure struct {
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Rounds []float64 `json:"rounds"`
}

// NewFigure sums up the rounds, of which there must be at least one.
func NewFigure(rounds []float64) Figure {
	sorted := slices.Sorted(slices.Values(rounds))
	n := len(sorted)
	return Figure{
		Median: (sorted[(n-1)/2] + sorted[n/2]) / 2,
		Min:    sorted[0],
		Max:    sorted[n-1],
		Rounds: rounds,
	}
}

// Ratio compares figure a with figure b of the same run, round by round, so
// that what slowed both down in a round cancels out. ok is false if they have
// no rounds in common or b is 0 in one.
func Ratio(a, b Figure) (r Figure, ok bool) {
	rounds := make([]float64, min(len(a.Rounds), len(b.Rounds)))
	for i := range rounds {
		if b.Rounds[i] == 0 {
			return Figure{}, false
		}
		rounds[i] = a.Rounds[i] / b.Rounds[i]
	}
	if len(rounds) == 0 {
		return Figure{}, false
	}
	return NewFigure(rounds), true
}

package paired

import (
	"math"
	"slices"
)

// An Interval estimates a shift: the middle value and what else it may be.
type Interval struct {
	Estimate, Low, High float64
}

// HalfWidth is half the distance between the ends.
func (i Interval) HalfWidth() float64 { return (i.High - i.Low) / 2 }

// shift estimates by how much values exceed the controls of their round, from
// all differences between a round's value and each of its controls. The
// interval misses the true shift with probability alpha at most; its ends are
// infinite where so few rounds cannot promise that.
func shift(rounds, controls int, differences []float64, alpha float64) Interval {
	sorted := slices.Clone(differences)
	slices.Sort(sorted)
	n := len(sorted)
	result := Interval{
		Estimate: (sorted[(n-1)/2] + sorted[n/2]) / 2,
		Low:      math.Inf(-1),
		High:     math.Inf(1),
	}
	// The count of differences above the true shift is as likely to be too
	// small as too large, so each tail may take half of alpha.
	if c := tail(rounds, controls, alpha/2); c >= 0 {
		result.Low, result.High = sorted[c], sorted[n-1-c]
	}
	return result
}

// tail returns the largest count c such that a sum of independent uniform
// draws from {0, ..., controls}, one per round, is at most c with probability
// p or less; -1 if there is none.
func tail(rounds, controls int, p float64) int {
	density := []float64{1}
	for range rounds {
		next := make([]float64, len(density)+controls)
		for sum, d := range density {
			for draw := range controls + 1 {
				next[sum+draw] += d / float64(controls+1)
			}
		}
		density = next
	}
	cumulated := 0.0
	for c, d := range density {
		cumulated += d
		if cumulated > p {
			return c - 1
		}
	}
	return len(density) - 1
}

// MinRounds returns the fewest rounds that can reach a verdict when a run
// makes this many comparisons.
func MinRounds(comparisons int, alpha float64) int {
	change := rounds(2, alpha/float64(max(comparisons, 1)))
	noise := rounds(1, NoiseAlpha)
	return max(change, noise)
}

// rounds returns how many rounds it takes until the most extreme outcome, all
// differences on one side, has a probability of alpha or less.
func rounds(controls int, alpha float64) int {
	return int(math.Ceil(math.Log(2/alpha) / math.Log(float64(controls+1))))
}

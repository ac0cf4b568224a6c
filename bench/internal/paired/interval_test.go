package paired_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/paired"
)

// enumerate returns the probability that the sum of one draw from
// {0, ..., controls} per round is at most limit, by visiting every outcome.
func enumerate(rounds, controls, limit int) float64 {
	hits, all := 0, 0
	var visit func(round, sum int)
	visit = func(round, sum int) {
		if round == rounds {
			all++
			if sum <= limit {
				hits++
			}
			return
		}
		for draw := range controls + 1 {
			visit(round+1, sum+draw)
		}
	}
	visit(0, 0)
	return float64(hits) / float64(all)
}

func TestTailAgainstEnumeration(t *testing.T) {
	for rounds := 1; rounds <= 8; rounds++ {
		for controls := 1; controls <= 3; controls++ {
			for _, p := range []float64{1e-4, 0.001, 0.005, 0.025, 0.1, 0.3} {
				c := paired.Tail(rounds, controls, p)
				if c >= 0 && enumerate(rounds, controls, c) > p {
					t.Errorf("Tail(%d, %d, %g) = %d, whose probability is %g", rounds, controls, p, c, enumerate(rounds, controls, c))
				}
				if enumerate(rounds, controls, c+1) <= p {
					t.Errorf("Tail(%d, %d, %g) = %d, but %d is improbable enough", rounds, controls, p, c, c+1)
				}
			}
		}
	}
}

// The textbook's interval of a median: the sign test with ten values leaves
// one value out at each end (coverage 97.9 %).
func TestShiftIsTheSignTestWithOneControl(t *testing.T) {
	got := paired.Shift(10, 1, []float64{9, 1, 8, 2, 7, 3, 6, 4, 5, 10}, 0.05)
	if want := (paired.Interval{Estimate: 5.5, Low: 2, High: 9}); got != want {
		t.Errorf("Shift = %+v, want %+v", got, want)
	}
}

func TestShiftPromisesNothingFromTooFewRounds(t *testing.T) {
	got := paired.Shift(3, 1, []float64{1, 2, 3}, 0.05)
	if got.Estimate != 2 || !math.IsInf(got.Low, -1) || !math.IsInf(got.High, 1) {
		t.Errorf("Shift of three rounds = %+v, want an estimate of 2 and no bounds", got)
	}
}

func TestMinRoundsIsEnoughAndNotMore(t *testing.T) {
	for _, comparisons := range []int{0, 1, 3, 30, 1000} {
		n := paired.MinRounds(comparisons, 0.01)
		alpha := 0.01 / float64(max(comparisons, 1))
		bounded := func(n int) bool {
			return paired.Tail(n, 2, alpha/2) >= 0 && paired.Tail(n, 1, 0.025) >= 0
		}
		if !bounded(n) || bounded(n-1) {
			t.Errorf("MinRounds(%d) = %d: bounded = %t, one round less = %t", comparisons, n, bounded(n), bounded(n-1))
		}
	}
}

// The interval has to hold under noise like that of a shared machine: a level
// of its own in each round, and runs that are undisturbed or very slow.
func TestShiftCoverage(t *testing.T) {
	const tries, rounds, shift, alpha = 4000, 12, 0.05, 0.05
	rng := rand.New(rand.NewPCG(1, 2))
	misses := 0
	for range tries {
		var differences []float64
		for range rounds {
			level := rng.NormFloat64()
			run := func() float64 {
				v := level + 0.01*rng.NormFloat64()
				if rng.IntN(3) == 0 {
					v += rng.ExpFloat64()
				}
				return v
			}
			a1, a2, b := run(), run(), run()+shift
			differences = append(differences, b-a1, b-a2)
		}
		if i := paired.Shift(rounds, 2, differences, alpha); shift < i.Low || shift > i.High {
			misses++
		}
	}
	// Four standard deviations above the promise; the seed is fixed.
	if limit := tries*alpha + 4*math.Sqrt(tries*alpha*(1-alpha)); float64(misses) > limit {
		t.Errorf("missed the true shift in %d of %d tries, want at most %.0f", misses, tries, limit)
	}
}

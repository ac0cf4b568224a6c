package dudect

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestWelch: a worked example, and no difference.
func TestWelch(t *testing.T) {
	// Computed with another program.
	a := []float64{27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4}
	b := []float64{27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 31.3}
	meanA, varA := moments(a)
	if math.Abs(meanA-20.82) > 1e-9 || math.Abs(varA-7.867428571) > 1e-6 {
		t.Errorf("moments = %v, %v, want 20.82, 7.867428571", meanA, varA)
	}
	if got := welch(a, b); math.Abs(got+2.949236837) > 1e-6 {
		t.Errorf("welch = %v, want -2.949236837", got)
	}
	if got := welch(a, a); got != 0 {
		t.Errorf("welch of the same = %v, want 0", got)
	}
}

// TestArithmetic: recorded-like times with a shift of a third of their spread
// are a leak, without it they are not, whatever a few outliers do.
func TestArithmetic(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, shift := range []float64{0, 1} {
		classes, times := make([]int, 20000), make([]float64, 20000)
		for i := range times {
			classes[i] = rng.IntN(2)
			times[i] = 100 + 3*rng.NormFloat64() + shift*float64(classes[i])
			if rng.IntN(50) == 0 {
				times[i] += 5000 * rng.Float64()
			}
		}
		got := math.Abs(welch(split(classes, times)))
		if (got >= Leak) != (shift != 0) {
			t.Errorf("with a shift of %v: |t| = %.1f, limit %d", shift, got, Leak)
		}
	}
}

// Package dudect looks for a difference between the times of two classes of
// calls, as dudect does (Reparaz, Balasch, Verbauwhede: "Dude, is my code
// constant time?"). It is for tests that run when there is time for
// statistics.
package dudect

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Leak is the |t| from which on dudect calls a leak certain.
const Leak = 10

// Pool is how many inputs of each class there are to be.
const Pool = 64

// A Trial is one call, and what makes its classes differ.
type Trial struct {
	Name string
	// Prepare copies input i of a class, 0 or 1, to where Call finds it: always
	// one place, so that addresses, and with them caches, are the same.
	Prepare func(class, i int)
	Call    func()
}

// Run times all trials and fails t for those whose times differ by class. It
// fails at once if it cannot find a leak that is there. It takes some seconds
// for each trial, on a quiet machine.
func Run(t *testing.T, trials ...Trial) {
	t.Helper()
	const samples = 150_000
	rng := rand.New(rand.NewPCG(3, 4))
	control := leaky()
	if got := math.Abs(compare(rng, samples, control)); got < Leak {
		t.Fatalf("%s: |t| = %.1f: this test finds nothing here", control.Name, got)
	}
	for _, trial := range trials {
		// A leak stays; a disturbance of the machine does not come thrice.
		least := math.Inf(1)
		for range 3 {
			least = min(least, math.Abs(compare(rng, samples, trial)))
		}
		t.Logf("%s: |t| = %.1f", trial.Name, least)
		if least >= Leak {
			t.Errorf("%s: |t| = %.1f: the time depends on them", trial.Name, least)
		}
	}
}

// compare times calls of both classes in random order and returns Welch's t.
func compare(rng *rand.Rand, samples int, trial Trial) float64 {
	classes := make([]int, samples)
	times := make([]float64, samples)
	for i := range classes {
		classes[i] = rng.IntN(2)
	}
	for i, class := range classes {
		trial.Prepare(class, rng.IntN(Pool))
		trial.Call() // whatever the copy has left on its way
		start := time.Now()
		trial.Call()
		trial.Call()
		times[i] = float64(time.Since(start).Nanoseconds())
	}
	return welch(split(classes, times))
}

// split sorts times by class, without the slowest tenth of all, which tells of
// interruptions.
func split(classes []int, times []float64) (a, b []float64) {
	sorted := slices.Sorted(slices.Values(times))
	limit := sorted[(len(sorted)-1)*9/10]
	for i, v := range times {
		switch {
		case v > limit:
		case classes[i] == 0:
			a = append(a, v)
		default:
			b = append(b, v)
		}
	}
	return a, b
}

// welch returns the t statistic of Welch's test.
func welch(a, b []float64) float64 {
	meanA, varA := moments(a)
	meanB, varB := moments(b)
	return (meanA - meanB) / math.Sqrt(varA/float64(len(a))+varB/float64(len(b)))
}

// moments returns mean and sample variance.
func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		variance += (v - mean) * (v - mean)
	}
	return mean, variance / float64(len(x)-1)
}

// leaky is a comparison that stops at the first difference.
func leaky() Trial {
	same, early := make([]byte, 256), make([]byte, 256)
	late := bytes.Clone(same)
	early[0], late[255] = 1, 1
	other := make([]byte, 256)
	return Trial{
		"a comparison that leaks",
		func(class, _ int) { copy(other, [][]byte{early, late}[class]) },
		func() { _ = differsAt(same, other) },
	}
}

//go:noinline
func differsAt(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

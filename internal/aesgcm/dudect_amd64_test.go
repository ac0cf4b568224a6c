//go:build !purego

package aesgcm_test

import (
	"bytes"
	"crypto/cipher"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/headrace-go/headrace/internal/aesgcm"
)

// TestTimingIsIndependentOfSecrets looks for a difference between the times of
// two classes of calls, as dudect does (Reparaz, Balasch, Verbauwhede: "Dude,
// is my code constant time?"): fixed and random keys, fixed and random text,
// and forged tags that are wrong at the first and at the last byte.
func TestTimingIsIndependentOfSecrets(t *testing.T) {
	if os.Getenv("HEADRACE_SOAK") == "" {
		t.Skip("statistics on times: make soak")
	}
	const n, samples = 1350, 150_000
	rng := rand.New(rand.NewPCG(3, 4))

	// A comparison that stops at the first difference has to be found.
	same, early := make([]byte, 256), make([]byte, 256)
	late := bytes.Clone(same)
	early[0], late[255] = 1, 1
	other := make([]byte, 256)
	got := dudect(rng, samples, func(class, _ int) { copy(other, [][]byte{early, late}[class]) }, func() { _ = differsAt(same, other) })
	if math.Abs(got) < leak {
		t.Fatalf("t = %.1f for a comparison that leaks: this test finds nothing here", got)
	}

	eachKernel(t, func(t *testing.T, c *candidate) {
		// What differs between the classes is copied to one place before each
		// call, so that addresses, and with them caches, are the same.
		const pool = 64
		var keys [2][pool]cipher.AEAD
		var texts, forged [2][pool][]byte
		fixedKey, fixedText := c.bytes(len(c.key)), c.bytes(n)
		nonce, out := c.bytes(12), make([]byte, 0, n+16)
		sealed := c.std.Seal(nil, nonce, fixedText, nil)
		for i := range pool {
			keys[0][i], keys[1][i] = c.again(t, bytes.Clone(fixedKey)), c.again(t, c.bytes(len(c.key)))
			texts[0][i], texts[1][i] = bytes.Clone(fixedText), c.bytes(n)
			for class, at := range []int{n, n + 15} {
				keys[class][i].Seal(out, nonce, nil, nil)
				forged[class][i] = bytes.Clone(sealed)
				forged[class][i][at] ^= 1 << c.IntN(8)
			}
		}
		text, record := make([]byte, n), make([]byte, n+16)
		a := c.again(t, fixedKey)
		a.Seal(out, nonce, nil, nil)
		seal := func() { a.Seal(out, nonce, text, nil) }
		for _, trial := range []struct {
			name    string
			prepare func(class, i int)
			call    func()
		}{
			{"keys", func(class, i int) { aesgcm.Rekey(a, keys[class][i]) }, seal},
			{"texts", func(class, i int) { copy(text, texts[class][i]) }, seal},
			{"tags", func(class, i int) { copy(record, forged[class][i]) }, func() { _, _ = c.aead.Open(out, nonce, record, nil) }},
		} {
			// A leak stays; a disturbance of the machine does not come thrice.
			least := math.Inf(1)
			for range 3 {
				least = min(least, math.Abs(dudect(rng, samples, trial.prepare, trial.call)))
			}
			t.Logf("%s: |t| = %.1f", trial.name, least)
			if least >= leak {
				t.Errorf("%s: |t| = %.1f: the time depends on them", trial.name, least)
			}
		}
	})
}

// leak is the |t| from which on dudect calls a leak certain.
const leak = 10

// dudect times calls of two classes in random order and returns Welch's t.
func dudect(rng *rand.Rand, samples int, prepare func(class, i int), call func()) float64 {
	classes := make([]int, samples)
	times := make([]float64, samples)
	for i := range classes {
		classes[i] = rng.IntN(2)
	}
	for i, class := range classes {
		prepare(class, rng.IntN(64))
		call() // whatever the copy has left on its way
		start := time.Now()
		call()
		call()
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

//go:noinline
func differsAt(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

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

// TestTimingArithmetic: recorded-like times with a shift of a third of their
// spread are a leak, without it they are not, whatever a few outliers do.
func TestTimingArithmetic(t *testing.T) {
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
		if (got >= leak) != (shift != 0) {
			t.Errorf("with a shift of %v: |t| = %.1f, limit %d", shift, got, leak)
		}
	}
}

package suites

import (
	"crypto/cipher"
	"time"
)

// MeasuredSizes are the lengths of plaintext that Measure tries, in bytes.
var MeasuredSizes = [...]int{16, 64, 350, 1350, 16 << 10}

// A Speed is how long a backend takes to seal one record.
type Speed struct {
	ID      ID
	Backend string
	Size    int
	Time    time.Duration // of one call, the best of several
}

// Measure finds out how fast the usable backends are, in some milliseconds,
// and sets the lengths that each is used for accordingly: from the first of
// MeasuredSizes on from which it is faster than all that come after it.
func (r *Registry) Measure() []Speed {
	var out []Speed
	for _, id := range All() {
		if r.fips && !infos[id].approved {
			continue
		}
		backends := r.usable(id)
		speeds := make([][]Speed, len(backends))
		for i, c := range backends {
			if a, err := c.New(make([]byte, id.KeySize())); err == nil {
				speeds[i] = speedsOf(a, id, c.Name)
			}
			out = append(out, speeds[i]...)
		}
		for i, from := range thresholds(speeds) {
			backends[i].from.Store(int64(from))
		}
	}
	return out
}

// speedsOf seals records of each size, for a while.
func speedsOf(a cipher.AEAD, id ID, name string) []Speed {
	buf := make([]byte, MeasuredSizes[len(MeasuredSizes)-1]+a.Overhead())
	nonce := make([]byte, a.NonceSize())
	var out []Speed
	for _, n := range MeasuredSizes {
		calls := max(1, 4096/(n+64))
		best := time.Duration(1<<63 - 1)
		for range 12 {
			start := time.Now()
			for range calls {
				a.Seal(buf[:0], nonce, buf[:n], nil)
			}
			best = min(best, time.Since(start)/time.Duration(calls))
		}
		out = append(out, Speed{ID: id, Backend: name, Size: n, Time: best})
	}
	return out
}

// thresholds returns for each backend, all in the order of preference, the
// length from which on it is not slower, by more than a twentieth, than any that
// comes after it; -1 if it is slower to the end. The
// last is for all lengths.
func thresholds(speeds [][]Speed) []int {
	out := make([]int, len(speeds))
	for i := range speeds[:len(speeds)-1] {
		out[i] = -1
		for k := len(MeasuredSizes) - 1; k >= 0 && !slower(speeds, i, k); k-- {
			out[i] = MeasuredSizes[k]
			if k == 0 {
				out[i] = 0
			}
		}
	}
	return out
}

// slower reports whether backend i is slower at size k than one behind it.
func slower(speeds [][]Speed, i, k int) bool {
	if speeds[i] == nil {
		return true
	}
	for _, other := range speeds[i+1:] {
		if other != nil && speeds[i][k].Time > other[k].Time+other[k].Time/20 {
			return true
		}
	}
	return false
}

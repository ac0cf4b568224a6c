//go:build !purego

package cpufeat

import "runtime"

func cpuid(leaf, subleaf uint32) (a, b, c, d uint32)

func xgetbv() uint32

var this = processor{cpuid: cpuid, xcr0: xgetbv}

// Missing returns why a kernel that needs all of f cannot run here, or "".
func Missing(f Feature) string { return this.missing(runtime.GOOS, f) }

// Halves reports whether this is a processor of AMD's family 25 (Zen 3 and 4),
// which does operations on 512-bit registers as two of 256 bits.
func Halves() bool {
	_, b, _, _ := cpuid(0, 0)
	family, _ := this.model()
	const auth = 'A' | 'u'<<8 | 't'<<16 | 'h'<<24
	return b == auth && family == 25
}

package aead

import (
	"crypto/cipher"

	"github.com/headrace-go/headrace/internal/suites"
)

const (
	// leastCrossover is no more than any of crossovers.
	leastCrossover = 512 << 10
	// unknownCrossover is for AEADs that this package did not make.
	unknownCrossover = 2 << 20
)

// crossovers tells for each backend from how many bytes of a batch on it gains
// to be shared by two, by the size in BenchmarkOffload from which on it has: a
// worker that has to be woken comes late, and the faster the cipher, the more
// bytes are done by then. Where measurements disagreed it is the larger one;
// those of ymm and of XChaCha20-Poly1305 are taken from their neighbours.
var crossovers = map[string]int{
	"AES-128-GCM std":        1 << 20,
	"ChaCha20-Poly1305 std":  512 << 10,
	"XChaCha20-Poly1305 std": 512 << 10,
	"AES-128-GCM zmm":        2 << 20,
	"AES-128-GCM ymm":        2 << 20,
	"ChaCha20-Poly1305 zmm":  4 << 20,
	"XChaCha20-Poly1305 zmm": 4 << 20,
}

// Crossover is from how many bytes on a batch under a is worth sharing between
// two processors, as it was measured for the backend that a is of.
func Crossover(a cipher.AEAD) int {
	if n, ok := crossovers[suites.Default().NameOf(a)]; ok {
		return n
	}
	return unknownCrossover
}

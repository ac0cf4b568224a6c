package aead

import (
	"crypto/cipher"

	"github.com/headrace-go/headrace/internal/suites"
)

const (
	// leastCrossover is no more than any of crossovers.
	leastCrossover = 64 << 10
	// unknownCrossover is for AEADs that this package did not make.
	unknownCrossover = 512 << 10
)

// crossovers tells for each backend from how many bytes of a batch on it gains
// to be shared by two: the fastest need the most.
var crossovers = map[string]int{}

// Crossover is from how many bytes on a batch under a is worth sharing between
// two processors, as it was measured for the backend that a is of.
func Crossover(a cipher.AEAD) int {
	if n, ok := crossovers[suites.Default().NameOf(a)]; ok {
		return n
	}
	return unknownCrossover
}

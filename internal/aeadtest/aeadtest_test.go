package aeadtest_test

import (
	"testing"

	"github.com/headrace-go/headrace/internal/aeadtest"
)

var suites = []aeadtest.Suite{
	aeadtest.AES128GCM, aeadtest.AES256GCM, aeadtest.ChaCha20Poly1305, aeadtest.XChaCha20Poly1305,
}

// The references pass their own judgement: against vectors and big integers
// it means something for them as well.
func TestReferences(t *testing.T) {
	for _, s := range suites {
		aeadtest.Run(t, s, s.Reference)
	}
}

//go:build !purego

package chachapoly

import (
	"os"
	"testing"

	"github.com/headrace-go/headrace/internal/mutants"
)

// TestMissingInstructionsAreFound takes single instructions out of the kernels
// and sees that the tests of this package fail without them.
func TestMissingInstructionsAreFound(t *testing.T) {
	if os.Getenv("HEADRACE_SOAK") == "" {
		t.Skip("builds the package once for each instruction: make soak")
	}
	all(t)
	mutants.Run(t, mutants.Trial{
		File:  "kernel_amd64.s",
		Tests: "^(TestEveryLength|TestAdditionalData|TestChunks|TestGuardPages|TestPolyEdges|TestStackIsCleared)$",
		// A few only keep masked accesses away from pages that are not there,
		// which is slow, and not wrong.
		Mutants: 40, Bearable: 4,
	})
}

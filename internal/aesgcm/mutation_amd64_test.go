//go:build !purego

package aesgcm_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/headrace-go/headrace/internal/aesgcm"
	"github.com/headrace-go/headrace/internal/mutants"
)

// Of the detours around the edges of pages the results do not tell, where a
// mask keeps an access from faulting.
var detours = regexp.MustCompile(`JNE +\w+edge`)

// TestMissingInstructionsAreFound takes single instructions out of the kernels
// and sees that the tests of this package fail without them.
func TestMissingInstructionsAreFound(t *testing.T) {
	if os.Getenv("HEADRACE_SOAK") == "" {
		t.Skip("builds the package once for each instruction: make soak")
	}
	for _, b := range aesgcm.Backends() {
		t.Run(b.Name, func(t *testing.T) {
			if b.Unavailable != "" {
				t.Skipf("%s cannot run here: %s", b.Name, b.Unavailable)
			}
			mutants.Run(t, mutants.Trial{
				File: b.Name + "_amd64.s", Spared: detours, Tests: "^(TestAll|TestStack|TestOpenChunk|TestEdges)",
				Mutants: 24, Bearable: 3,
			})
		})
	}
}

package invariants_test

import (
	"strings"
	"testing"

	"github.com/headrace-go/headrace/internal/invariants"
)

func here() invariants.Stack { return invariants.Callers() }

func TestStack(t *testing.T) {
	if got := here().String(); !strings.Contains(got, "TestStack") || !strings.Contains(got, "stack_test.go:") {
		t.Errorf("stack lacks its caller:\n%s", got)
	}
	if got := (invariants.Stack{}).String(); got != "\tunknown\n" {
		t.Errorf("empty stack = %q", got)
	}
}

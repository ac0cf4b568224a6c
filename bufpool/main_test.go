package bufpool_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(leaseCheck{m})
}

// leaseCheck fails a run that leaves a Buf unreleased, where that is known.
type leaseCheck struct{ m *testing.M }

func (c leaseCheck) Run() int {
	if code := c.m.Run(); code != 0 {
		return code
	}
	return unreleased()
}

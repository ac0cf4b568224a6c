//go:build unix

package rivals

import (
	"syscall"
	"testing"
)

// cpuNanoseconds returns the processor time of this process so far.
func cpuNanoseconds(tb testing.TB) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

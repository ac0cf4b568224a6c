//go:build unix

package vecio_test

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is what the process has used of all processors.
func cpuTime() time.Duration {
	var ru unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &ru) != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

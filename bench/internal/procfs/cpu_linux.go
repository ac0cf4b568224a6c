package procfs

import (
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the processor time that process pid has used, all its threads
// together. It reads the process's CPU clock, which counts nanoseconds where
// /proc/PID/stat counts hundredths of a second.
// The clock's number is that of clock_getcpuclockid(3).
func CPU(pid int) (time.Duration, error) {
	const scheduled = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^uint32(pid)<<3|scheduled), &ts); err != nil {
		return 0, err
	}
	return time.Duration(ts.Nano()), nil
}

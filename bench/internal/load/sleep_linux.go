package load

import (
	"time"

	"golang.org/x/sys/unix"
)

// preciseSleep sleeps in the kernel. The calling goroutine should have its
// thread to itself: the thread's timer slack is set to the smallest.
func preciseSleep(d time.Duration) {
	if d <= 0 {
		return
	}
	// Without it a sleep is up to 50 µs longer; nothing else depends on it.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	left := unix.NsecToTimespec(int64(d))
	for unix.Nanosleep(&left, &left) == unix.EINTR {
	}
}

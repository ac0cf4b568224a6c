package bridge

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The bridge makes its system calls behind the back of Go's scheduler. None of them
// blocks for long; but told of each one, the scheduler would pass its processor on
// to another thread and fetch it back, and that doubled the cost of a wake-up.

// longSleep is from where on a sleep is no longer hidden from the scheduler: a
// collection of garbage, for one, waits for what is hidden.
const longSleep = time.Millisecond

func read(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), errno
}

func write(fd int, b []byte) syscall.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return errno
}

// poll waits for fds or for a time that has come; a negative one waits for ever.
func poll(fds []unix.PollFd, timeout time.Duration) error {
	if timeout < 0 {
		_, err := unix.Ppoll(fds, nil, nil)
		return err
	}
	ts := unix.NsecToTimespec(int64(timeout))
	if timeout >= longSleep {
		_, err := unix.Ppoll(fds, &ts, nil)
		return err
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)),
		uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

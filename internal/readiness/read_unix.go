//go:build unix

package readiness

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// read is one read(2): retried on EINTR, with EOF and EAGAIN told apart.
func read(fd uintptr, b []byte) (int, error) {
	for {
		// syscall.Read, not x/sys: it carries the race detector's edges that
		// the standard library's own socket writes are paired with.
		n, err := syscall.Read(int(fd), b)
		switch {
		case err == nil && n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return 0, ErrWouldBlock
		default:
			return 0, os.NewSyscallError("read", err)
		}
	}
}

// readable reports whether a read would not wait. It asks poll(2), since a
// peek would consume a pending error, and the read after it would take a
// reset for a clean end of stream.
func readable(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds[:], 0)
		if err != unix.EINTR {
			return n != 0 || err != nil
		}
	}
}

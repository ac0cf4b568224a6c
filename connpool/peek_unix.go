//go:build unix

package connpool

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// peek tells what has arrived at a socket and is unread.
func peek(fd uintptr) arrival {
	switch poll(fd, unix.POLLIN) {
	case 0:
		return arrivedNothing
	case unix.POLLIN: // data, an end behind them, or an end alone
		var b [1]byte
		for {
			n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			switch {
			case err == syscall.EINTR:
			case err == syscall.EAGAIN:
				return arrivedNothing
			case err == nil && n > 0:
				return arrivedData
			default:
				return arrivedEnd
			}
		}
	}
	return arrivedEnd
}

// writable reports whether a write of a few bytes would not wait.
func writable(fd uintptr) bool { return poll(fd, unix.POLLOUT) == unix.POLLOUT }

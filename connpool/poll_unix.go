//go:build unix && !linux

package connpool

import "golang.org/x/sys/unix"

// poll is poll(2) without waiting.
func poll(fd uintptr, events int16) (revents int16) {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		_, err := unix.Poll(fds[:], 0)
		switch err {
		case nil:
			return fds[0].Revents
		case unix.EINTR:
		default:
			return unix.POLLERR
		}
	}
}

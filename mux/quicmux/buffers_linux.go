package quicmux

import (
	"net"

	"golang.org/x/sys/unix"
)

// setBuffers sets both buffers to n bytes, beyond the limits of users if the
// process may do that. It returns their sizes, as the kernel counts them: twice
// what was asked for, to have room for its own records, of which half is said
// here.
func setBuffers(c *net.UDPConn, n int) (read, write int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, 0
	}
	_ = raw.Control(func(fd uintptr) {
		set := func(option, forced int) int {
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, forced, n) != nil {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, n) // what is granted is read below
			}
			granted, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, option)
			if err != nil {
				return 0
			}
			return granted / 2
		}
		read = set(unix.SO_RCVBUF, unix.SO_RCVBUFFORCE)
		write = set(unix.SO_SNDBUF, unix.SO_SNDBUFFORCE)
	}) // it fails only on a socket that is closed
	return read, write
}

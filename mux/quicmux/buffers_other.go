//go:build !linux

package quicmux

import "net"

// setBuffers sets both buffers to n bytes. What was granted is not known
// without asking in each system's own way: all, or nothing.
func setBuffers(c *net.UDPConn, n int) (read, write int) {
	if c.SetReadBuffer(n) == nil {
		read = n
	}
	if c.SetWriteBuffer(n) == nil {
		write = n
	}
	return read, write
}

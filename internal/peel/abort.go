package peel

import "net"

// Abort closes c so that its peer sees a reset, and not the end of a stream
// that was cut short: with c's own Abort, if it has one, or by SO_LINGER, also
// on a *net.TCPConn under wrappers. Over any other it is Close.
func Abort(c net.Conn) error {
	switch c := c.(type) {
	case interface{ Abort() error }:
		return c.Abort()
	case interface{ SetLinger(sec int) error }:
		_ = c.SetLinger(0) // fails only on a socket that is closed
	default:
		if s, ok := Stream(c); ok {
			if tcp, ok := s.Conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
		}
	}
	return c.Close()
}

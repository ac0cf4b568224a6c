// Package peel finds the kernel socket under a connection.
//
// Raw system calls (splice, writev, readiness) may bypass a connection's
// methods only where that cannot be noticed: on Go's own stream sockets,
// reached through wrappers that declare themselves transparent. A promoted
// SyscallConn on somebody's wrapper proves nothing and is never used.
package peel

import (
	"net"
	"syscall"
)

// Transparent is implemented by wrappers that pass bytes through unchanged.
// TransparentConn returns the wrapped connection and a function that is told
// of the bytes that bypassed the wrapper, which may be nil. It returns a nil
// connection while the wrapper holds bytes of its own.
type Transparent interface {
	TransparentConn() (inner net.Conn, moved func(read, written int64))
}

// Socket is a kernel stream socket.
type Socket struct {
	// Conn is a *net.TCPConn or a *net.UnixConn of network "unix".
	Conn net.Conn
	// Raw is Conn's raw connection, made once since making it allocates.
	Raw syscall.RawConn

	moved []func(read, written int64)
}

// maxDepth bounds the wrappers to be peeled, so that one that returns itself
// ends as "no socket" and not as a hang.
const maxDepth = 16

// Stream returns the stream socket under c. It reports false if c is
// something else, hides its socket, or holds bytes of its own at the moment.
func Stream(c net.Conn) (*Socket, bool) {
	var moved []func(read, written int64)
	for range maxDepth {
		switch s := c.(type) {
		case *net.TCPConn:
			return socket(s, s, moved)
		case *net.UnixConn:
			// Other Unix sockets keep message boundaries.
			if a := s.LocalAddr(); a == nil || a.Network() != "unix" {
				return nil, false
			}
			return socket(s, s, moved)
		case Transparent:
			inner, m := s.TransparentConn()
			if inner == nil {
				return nil, false
			}
			if m != nil {
				moved = append(moved, m)
			}
			c = inner
		default:
			return nil, false
		}
	}
	return nil, false
}

func socket(c net.Conn, sc syscall.Conn, moved []func(read, written int64)) (*Socket, bool) {
	if !pollable {
		return nil, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, false
	}
	return &Socket{Conn: c, Raw: raw, moved: moved}, true
}

// Syscall returns the socket as what Watch takes.
func (s *Socket) Syscall() syscall.Conn { return s.Conn.(syscall.Conn) }

// Moved tells every wrapper that was peeled of bytes that bypassed it.
func (s *Socket) Moved(read, written int64) {
	for _, m := range s.moved {
		m(read, written)
	}
}

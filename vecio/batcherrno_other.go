//go:build !unix

package vecio

import (
	"errors"
	"syscall"
)

const flagTruncated = 0x100 // MSG_TRUNC of Winsock

// What Winsock says where others have ECONNREFUSED, EHOSTUNREACH and
// ENETUNREACH, and of a datagram that did not fit.
const (
	wsaMessageSize    = syscall.Errno(10040)
	wsaNetUnreachable = syscall.Errno(10051)
	wsaNetReset       = syscall.Errno(10052)
	wsaConnReset      = syscall.Errno(10054)
	wsaHostDown       = syscall.Errno(10064)
	wsaHostUnreach    = syscall.Errno(10065)
)

var errMessageSize error = wsaMessageSize

func isPeerError(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return false
	}
	switch errno {
	case wsaConnReset, wsaNetReset, wsaHostUnreach, wsaNetUnreachable, wsaHostDown:
		return true
	}
	return false
}

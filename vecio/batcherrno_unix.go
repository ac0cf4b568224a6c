//go:build unix

package vecio

import (
	"errors"
	"syscall"
)

const flagTruncated = syscall.MSG_TRUNC

// errMessageSize: systems that say truncation by an error. These do not.
var errMessageSize = errors.ErrUnsupported

// isPeerErrno reports whether an error of a connected socket is about what it
// sent before: an ICMP message has come back.
func isPeerErrno(errno syscall.Errno) bool {
	switch errno {
	case syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN,
		syscall.EPROTO, syscall.ENOPROTOOPT, syscall.EOPNOTSUPP, syscall.EACCES, syscall.EMSGSIZE:
		return true
	}
	return false
}

func isPeerError(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && isPeerErrno(errno)
}

package mux

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// ErrClosed: the session or stream was closed here. It matches net.ErrClosed
// under errors.Is.
var ErrClosed = fmt.Errorf("mux: %w", net.ErrClosed)

// ErrWriteClosed: a Write after CloseWrite. It matches syscall.EPIPE under
// errors.Is.
var ErrWriteClosed = fmt.Errorf("mux: write after CloseWrite: %w", syscall.EPIPE)

// ErrDraining: the session opens no more streams, because either side is
// shutting it down or it has used up its stream numbers. Nothing was sent:
// another session can take the stream.
var ErrDraining = errors.New("mux: session is draining")

// ErrSilent: the peer has not answered for as long as the session may wait. It
// is a net.Error whose Timeout is true, and matches syscall.ETIMEDOUT under
// errors.Is. It is not a deadline that somebody has set.
var ErrSilent error = silentError{}

type silentError struct{}

var _ net.Error = silentError{}

func (silentError) Error() string        { return "mux: peer is silent" }
func (silentError) Timeout() bool        { return true }
func (silentError) Temporary() bool      { return false }
func (silentError) Is(target error) bool { return target == syscall.ETIMEDOUT }

// A StreamError reports that a stream was reset. Under errors.Is it matches
// syscall.ECONNRESET if the peer did that, and net.ErrClosed otherwise.
type StreamError struct {
	Code   Code
	Remote bool // the peer reset it
	// Unprocessed: the peer has not looked at the stream. What was to be sent
	// on it can safely be sent on another session.
	Unprocessed bool
}

// Error names the side that reset the stream, and why.
func (e *StreamError) Error() string {
	switch {
	case e.Unprocessed:
		return "mux: stream not processed by peer: " + e.Code.String()
	case e.Remote:
		return "mux: stream reset by peer: " + e.Code.String()
	}
	return "mux: stream reset: " + e.Code.String()
}

// Is reports whether target is the system's word for it.
func (e *StreamError) Is(target error) bool {
	if e.Remote {
		return target == syscall.ECONNRESET
	}
	return target == net.ErrClosed
}

// A SessionError reports why a session, and every stream on it, has ended.
// Under errors.Is it matches what Err does; if the peer ended the session, or
// its connection without saying why, syscall.ECONNRESET as well; if it was
// closed here, net.ErrClosed.
type SessionError struct {
	Code   Code
	Remote bool   // the peer ended it
	Reason string // what either side said to explain it, in the peer's own words
	Err    error  // what the connection below failed with, or nil
}

// Error says who ended the session, and why.
func (e *SessionError) Error() string {
	s := "mux: session ended: "
	if e.Remote {
		s = "mux: session ended by peer: "
	}
	s += e.Code.String()
	if e.Reason != "" {
		s += fmt.Sprintf(" (%q)", e.Reason)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err.
func (e *SessionError) Unwrap() error { return e.Err }

// Is reports whether target is the system's word for it.
func (e *SessionError) Is(target error) bool {
	if e.Remote {
		return target == syscall.ECONNRESET
	}
	return e.Err == nil && target == net.ErrClosed
}

// Unprocessed reports whether err says that the peer has not looked at a
// stream, so that what was to be sent on it can be sent on another session.
func Unprocessed(err error) bool {
	if e, ok := errors.AsType[*StreamError](err); ok {
		return e.Unprocessed
	}
	return errors.Is(err, ErrDraining)
}

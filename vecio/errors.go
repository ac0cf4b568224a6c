package vecio

import (
	"fmt"
	"net"
	"os"
)

// ErrIdle: no byte moved in either direction for IdleTimeout, or none for
// Linger after the first end of stream. It is a net.Error whose Timeout is
// true, and matches os.ErrDeadlineExceeded under errors.Is.
var ErrIdle error = idleError{}

type idleError struct{}

var _ net.Error = idleError{}

func (idleError) Error() string        { return "vecio: relay idle" }
func (idleError) Timeout() bool        { return true }
func (idleError) Temporary() bool      { return false }
func (idleError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// An End names one end of a relay.
type End uint8

const (
	A End = iota // the first connection
	B            // the second
)

// String returns "a" or "b".
func (e End) String() string { return [...]string{"a", "b"}[e] }

// An EndError reports which end of a relay failed, doing what.
type EndError struct {
	End End
	Op  string // "read" or "write"
	Err error
}

// Error names the end, what it was doing, and why that failed.
func (e *EndError) Error() string {
	return fmt.Sprintf("vecio: relay: %s %s: %v", e.Op, e.End, e.Err)
}

// Unwrap returns Err.
func (e *EndError) Unwrap() error { return e.Err }

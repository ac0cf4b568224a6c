package socks

// What this system's dial fails with.
const (
	ErrnoRefused         = errRefused
	ErrnoNetUnreachable  = errNetUnreachable
	ErrnoHostUnreachable = errHostUnreachable
	ErrnoTimedOut        = errTimedOut
)

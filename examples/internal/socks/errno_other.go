//go:build !windows

package socks

import "syscall"

// The errors of a dial that have a reply of their own.
const (
	errRefused         = syscall.ECONNREFUSED
	errNetUnreachable  = syscall.ENETUNREACH
	errHostUnreachable = syscall.EHOSTUNREACH
	errTimedOut        = syscall.ETIMEDOUT
)

package socks

import "syscall"

// The errors of a dial that have a reply of their own, by their Winsock
// numbers: package syscall's constants of these names are inventions that no
// system call on Windows returns.
const (
	errNetUnreachable  = syscall.Errno(10051)
	errTimedOut        = syscall.Errno(10060)
	errRefused         = syscall.Errno(10061)
	errHostUnreachable = syscall.Errno(10065)
)

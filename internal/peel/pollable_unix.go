//go:build unix

package peel

// pollable: a raw system call inside RawConn.Read or Write never blocks and
// reports EAGAIN, since Go's sockets are non-blocking here.
const pollable = true

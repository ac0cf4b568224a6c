//go:build !unix

package peel

// pollable is false where sockets are overlapped or blocking, so that a raw
// read inside RawConn.Read could block a thread.
const pollable = false

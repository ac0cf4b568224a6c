// Package faultconn makes connections that misbehave, for tests.
//
// [Pair] gives two ends of an in-memory connection that behaves well: bounded
// buffers, half-close, deadlines, resets. [Wrap] puts a [Plan] over any
// net.Conn: pieces of a few bytes, short writes, temporary timeouts, stalls,
// resets and early ends at chosen byte offsets, errors on Close. [Draw] makes a
// plan of random numbers, from a seed or from a property-testing library.
//
//	client, server := faultconn.Pair(0)
//	faulty := faultconn.Wrap(server, faultconn.Plan{
//		Read:  faultconn.Script{MaxBytes: 1},
//		Write: faultconn.Script{Faults: []faultconn.Fault{{After: 100, Kind: faultconn.Reset}}},
//	})
//
// Everything here blocks on sync.Cond, channels and timers only, so it works
// inside a testing/synctest bubble; a conn must be used in the bubble that made
// it. No type here has a TransparentConn or SyscallConn method: a fast path
// must not see through a fault.
//
// Conns are safe for concurrent use, as net.Conn demands. They keep no caller's
// slice and start no goroutine; a deadline holds one timer, which Close stops.
package faultconn

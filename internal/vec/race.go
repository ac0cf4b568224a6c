//go:build race

package vec

import "syscall"

// The race detector knows the happens-before edge from a write on one end of
// a socket to the read on the other only through the syscall package's own
// Read and Write: an empty read of the same socket, which must succeed, and a
// write, which need not, draw the same edges.

func acquire(fd uintptr) { _, _ = syscall.Read(int(fd), nil) }
func release()           { _, _ = syscall.Write(-1, nil) }

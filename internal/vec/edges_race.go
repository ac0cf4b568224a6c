//go:build race && unix

package vec

import (
	"os"
	"sync"
	"syscall"
)

// The race detector draws its edges in syscall.Read and syscall.Write. An empty
// read of a datagram socket would take a datagram, so that this one reads a
// device instead: all edges have one end in common anyway.
var null = sync.OnceValue(func() int {
	fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		panic("vec: " + os.DevNull + ": " + err.Error())
	}
	return fd
})

// Received is called behind a raw system call that took something in, and
// Sent in front of one that gives something out: what happened before a Sent
// has happened before everything behind a later Received.
func Received() { _, _ = syscall.Read(null(), nil) }

// Sent is the other end of Received.
func Sent() { release() }

//go:build !race || !unix

package vec

// Received is called behind a raw system call that took something in, and
// Sent in front of one that gives something out. They tell the race detector,
// and do nothing without one.
func Received() {}

// Sent is the other end of Received.
func Sent() {}

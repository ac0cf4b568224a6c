package faultconn

import (
	"net"
	"sync/atomic"
)

// A Counted connection behaves as the one in it, and counts the calls that moved
// bytes: over a socket each of them is one system call at least.
type Counted struct {
	net.Conn
	Calls atomic.Int64
}

// Read reads from the connection in it, and counts the call if bytes came.
func (c *Counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.Calls.Add(int64(min(n, 1)))
	return n, err
}

// Write writes to the connection in it, and counts the call if bytes left.
func (c *Counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.Calls.Add(int64(min(n, 1)))
	return n, err
}

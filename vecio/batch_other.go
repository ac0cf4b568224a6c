//go:build !linux

package vecio

import "net"

const haveBatches = false

// batchSystem is what batches of datagrams need to know of the system.
type batchSystem struct{}

func (c *BatchConn) prepare() error                      { return c.raw.Control(func(uintptr) {}) }
func (c *BatchConn) receivesSegments() bool              { return false }
func (c *BatchConn) segmentLimit() int                   { return 0 }
func (c *BatchConn) write([]Datagram, bool) (int, error) { return 0, net.ErrClosed }

func (c *BatchConn) read([]Datagram, bufferPool, bool) (int, error) { return 0, errNoBatches }

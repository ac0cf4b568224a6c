package h2mux

import "sync/atomic"

// creditLimit bounds what the windows of all sessions of the process grow by
// that have no Budget of their own, in bytes. Credit is no memory before a peer
// has used it and nobody reads: what grows is what is read at once. creditShare
// is the part of what is left that one step may take, at most: so one stream
// can have the largest window, some have large ones, and hundreds the floor.
const (
	creditLimit = 16 << 20
	creditShare = 4
)

var processCredit credit

// credit is a Budget of creditLimit bytes.
type credit struct{ used atomic.Int64 }

func (c *credit) TryReserve(n int) bool {
	used := c.used.Add(int64(n)) - int64(n)
	if int64(n)*creditShare > creditLimit-used {
		c.used.Add(int64(-n))
		return false
	}
	return true
}

func (c *credit) Release(n int) { c.used.Add(int64(-n)) }

package bufpool

import "unsafe"

// Sizes of what a lease is made of.
const (
	SizeofBuf    = unsafe.Sizeof(Buf{})
	SizeofHandle = unsafe.Sizeof(handle{})
	SizeofMemory = unsafe.Sizeof(memory{})
	SizeofChain  = unsafe.Sizeof(Chain{})
)

// Segments returns how many Bufs c holds.
func (c *Chain) Segments() int { return len(c.bufs) - c.head }

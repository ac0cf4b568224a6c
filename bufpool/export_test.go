package bufpool

import "unsafe"

// Sizes of what a lease is made of.
const (
	SizeofBuf    = unsafe.Sizeof(Buf{})
	SizeofHandle = unsafe.Sizeof(handle{})
	SizeofMemory = unsafe.Sizeof(memory{})
	SizeofChain  = unsafe.Sizeof(Chain{})
	SizeofArena  = unsafe.Sizeof(Arena{})
)

// Blocks returns how many blocks a holds.
func (a *Arena) Blocks() int { return len(a.blocks) }

// FirstBlock returns the size of the first block that a holds.
func (a *Arena) FirstBlock() int { return len(a.blocks[0]) }

// Segments returns how many Bufs c holds.
func (c *Chain) Segments() int { return len(c.bufs) - c.head }

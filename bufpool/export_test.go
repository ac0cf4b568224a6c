package bufpool

import "unsafe"

// Sizes of what a lease is made of.
const (
	SizeofBuf    = unsafe.Sizeof(Buf{})
	SizeofHandle = unsafe.Sizeof(handle{})
	SizeofMemory = unsafe.Sizeof(memory{})
)

package slab

import "math/bits"

// NumClasses is the number of size classes.
const NumClasses = 30

// MaxSize is the largest request that a class serves.
const MaxSize = 1056768 - (NumClasses - 1)

// blocks are the bytes that one buffer of each class takes from the Go heap.
// Each is a size that the Go allocator serves without rounding and a multiple
// of 64, so that the buffer is 64-byte aligned. Steps are at most 1.5x from 128
// bytes on, and every power of two has a class close above it with room for
// the headroom and tag of a record: 16 KiB goes to 18 KiB, 64 KiB to 72 KiB.
var blocks = [NumClasses]int{
	64, 128, 192, 256, 320, 448, 576, 768, 1152, 1536,
	2304, 3456, 4864, 6784, 9472, 13568, 18432, 24576, 32768, 40960,
	57344, 73728, 106496, 139264, 204800, 270336, 401408, 532480, 794624, 1056768,
}

// capacityOf returns the capacity of the buffers of class i.
// No two classes have the same residue modulo 64: see the package comment.
func capacityOf(i int) int { return blocks[i] - i }

// residue returns the only class that a buffer of this capacity can belong to.
// It may be NumClasses or more: then there is none.
func residue(capacity int) uint { return -uint(capacity) & 63 }

// Each power of two is cut into four brackets of equal width. firstOf holds,
// per bracket, the class of its smallest size; at most one class ends inside a
// bracket, so that one comparison decides.
var firstOf = func() (t [22 * 4]uint8) {
	class := 0
	for size := 1; size <= MaxSize; size++ {
		if size > capacityOf(class) {
			class++
		}
		if b := bracket(size); size == 1 || b != bracket(size-1) {
			t[b] = uint8(class)
		}
	}
	return t
}()

// bracket returns the index in firstOf for a size of 1 to MaxSize.
// Sizes up to 64 share the brackets of 33 to 64: they have one class.
func bracket(size int) uint32 {
	n := uint32(size-1) | 32
	length := uint32(bits.Len32(n))
	return length<<2 | n>>((length-3)&31)&3
}

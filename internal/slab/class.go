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

// slots is a power of two that has room for the classes, so that an index can
// be masked instead of checked.
const slots = 32

// slotOf returns the only slot whose class can have this capacity. Whether it
// has is for the caller to compare: the unused slots have capacity 0.
func slotOf(capacity int) uint { return -uint(capacity) % slots }

// Each power of two is cut into four brackets of equal width. firstOf holds,
// per bracket, the class of its smallest size; at most one class ends inside a
// bracket, so that one comparison decides.
var firstOf = func() (t [128]uint8) {
	class := 0
	for length := bits.Len(64); length <= bits.Len(MaxSize+63); length++ {
		for lead := 4; lead < 8; lead++ { // the three leading bits
			size := lead<<(length-3) - 63
			for class < NumClasses-1 && size > capacityOf(class) {
				class++
			}
			t[bracket(size)] = uint8(class)
		}
	}
	return t
}()

// bracket returns the index in firstOf for a size of 1 to MaxSize: four times
// the length in bits, plus the three leading bits. The shift by 63 keeps small
// sizes, which have one class, from needing a case of their own.
func bracket(size int) uint32 {
	n := uint32(size) + 63
	length := uint32(bits.Len32(n))
	return (4*length + n>>((length-3)%32)) % 128
}

// CapacityOf returns the capacity of the buffers of a class that ClassOf gave.
func CapacityOf(class int) int { return capacityOf(class) }

package bridge

import "time"

// fifo stores packets in order, their bytes in one ring, so that small packets
// take little of it and no packet costs an allocation. A packet is never split
// at the end of the ring: what does not fit there goes to its beginning.
type fifo struct {
	ring       []byte
	head, tail int // the bytes from head to tail are in use, around the end if tail <= head

	packets []packet // a ring of its own; its length is a power of two
	oldest  int
	count   int
}

type packet struct {
	due      time.Time
	from, to int
	size     Size
}

func newFIFO(capacity int) fifo {
	return fifo{ring: make([]byte, capacity), packets: make([]packet, 256)}
}

// push copies b to the end of the fifo, and reports whether there was room.
func (f *fifo) push(b []byte, due time.Time, size Size) bool {
	from, ok := f.room(len(b))
	if !ok {
		return false
	}
	f.tail = from + copy(f.ring[from:], b)
	if f.count == len(f.packets) {
		f.grow()
	}
	f.packets[(f.oldest+f.count)&(len(f.packets)-1)] = packet{due, from, f.tail, size}
	f.count++
	return true
}

// room finds n free bytes in a row.
func (f *fifo) room(n int) (from int, ok bool) {
	switch {
	case f.count == 0:
		f.head, f.tail = 0, 0
		return 0, n <= len(f.ring)
	case f.tail <= f.head: // in use around the end, or all of it
		return f.tail, n <= f.head-f.tail
	case n <= len(f.ring)-f.tail:
		return f.tail, true
	default:
		return 0, n <= f.head
	}
}

func (f *fifo) grow() {
	packets := make([]packet, 2*len(f.packets))
	n := copy(packets, f.packets[f.oldest:])
	copy(packets[n:], f.packets[:f.oldest])
	f.packets, f.oldest = packets, 0
}

func (f *fifo) first() (packet, bool) {
	if f.count == 0 {
		return packet{}, false
	}
	return f.packets[f.oldest], true
}

// pop removes the oldest packet, of which there must be one. Its bytes stay as
// they are until the next push.
func (f *fifo) pop() []byte {
	p := f.packets[f.oldest]
	f.oldest = (f.oldest + 1) & (len(f.packets) - 1)
	f.count--
	if next, ok := f.first(); ok {
		f.head = next.from
	}
	return f.ring[p.from:p.to]
}

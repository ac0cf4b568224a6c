package bufpool

import "unsafe"

const (
	firstBlock        = 4 << 10
	largestBlock      = 64 << 10
	defaultArenaLimit = 1 << 20
)

// An Arena hands out memory for the temporaries of one request or handshake,
// and takes all of it back at once. It takes blocks from a pool as they are
// needed and remembers how much that was, so that next time one block is
// enough; after Reset it holds none. The zero Arena is ready.
//
// Nothing that came from an Arena may be used after Reset. An Arena must not be
// copied, and is not safe for concurrent use.
// It does not allocate when the pool does not (TestArenaAllocs).
type Arena struct {
	// Pool is where blocks come from. Nil means Default.
	Pool *Pool
	// Limit bounds the bytes handed out between two Resets.
	// Zero means 1 MiB. Negative means no bound.
	Limit int

	_      noCopy
	free   []byte   // the rest of the current block
	blocks [][]byte // the first is the smallest that serves for all
	one    [1][]byte
	used   int
	high   int // high-water mark of used
}

// Alloc returns n bytes with undefined contents. It returns ErrLimit beyond
// the limit, and ErrRange if n is negative.
func (a *Arena) Alloc(n int) ([]byte, error) {
	return a.alloc(n, 1)
}

// Copy returns a copy of b. It returns ErrLimit beyond the limit.
func (a *Arena) Copy(b []byte) ([]byte, error) {
	c, err := a.alloc(len(b), 1)
	copy(c, b)
	return c, err
}

// String returns a string with the bytes of b. Like all that an Arena hands
// out, it changes after Reset: it must not be kept, as a map key for instance.
// String returns ErrLimit beyond the limit.
func (a *Arena) String(b []byte) (string, error) {
	c, err := a.Copy(b)
	return unsafe.String(unsafe.SliceData(c), len(c)), err
}

// Len returns the bytes handed out since the last Reset, with padding.
func (a *Arena) Len() int { return a.used }

// Reset takes back everything and gives the blocks to the pool. The high-water
// mark stays, and falls by an eighth of what was not needed.
func (a *Arena) Reset() {
	a.high = max(a.used, a.high-(a.high-a.used)/8)
	p := a.pool()
	for i, b := range a.blocks {
		p.Put(b)
		a.blocks[i] = nil
	}
	a.free, a.blocks, a.used = nil, a.blocks[:0], 0
}

// alloc returns n bytes at a multiple of align, a power of two.
func (a *Arena) alloc(n, align int) ([]byte, error) {
	if n < 0 {
		return nil, ErrRange
	}
	pad := int(-uintptr(unsafe.Pointer(unsafe.SliceData(a.free))) & uintptr(align-1))
	if limit := a.limit(); limit >= 0 && n > limit-a.used-pad {
		return nil, ErrLimit
	}
	if n > len(a.free)-pad {
		pad = 0 // blocks are aligned for everything
		if block := a.nextBlock(); n > block/4 {
			// A block of its own leaves the rest of the current one in use.
			a.used += n
			return a.take(n)[:n:n], nil
		} else {
			a.free = a.take(block)
		}
	}
	b := a.free[pad : pad+n : pad+n]
	a.free = a.free[pad+n:]
	a.used += pad + n
	return b, nil
}

// take returns a block of at least n bytes, in full.
func (a *Arena) take(n int) []byte {
	b := a.pool().Get(n)
	b = b[:cap(b)]
	if a.blocks == nil {
		a.blocks = a.one[:0]
	}
	a.blocks = append(a.blocks, b)
	return b
}

// nextBlock returns the size of the block to take next: what was needed last
// time, then twice as much as there is.
func (a *Arena) nextBlock() int {
	return min(max(firstBlock, a.high, 2*a.used), largestBlock)
}

func (a *Arena) limit() int {
	if a.Limit == 0 {
		return defaultArenaLimit
	}
	return a.Limit
}

func (a *Arena) pool() *Pool {
	if a.Pool == nil {
		return Default()
	}
	return a.Pool
}

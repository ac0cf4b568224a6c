package bufpool

import (
	"io"

	"github.com/headrace-go/headrace/internal/vec"
)

// A Chain is a rope of Bufs: bytes that are one after the other, but not in one
// buffer. It owns every Buf that is pushed, and releases it when its last byte
// has been read, discarded or written. The zero Chain is empty and ready.
//
// A Chain must not be copied, and is not safe for concurrent use.
type Chain struct {
	// Pool is where ReadFrom takes memory. Nil means Default.
	Pool *Pool
	// Limit bounds the length up to which ReadFrom fills the Chain.
	// Zero means 1 MiB. Negative means no bound.
	Limit int

	_     noCopy
	bufs  []Buf // from head on; none is empty
	head  int
	n     int
	iov   [][]byte // lent to a gathered write
	out   io.Writer
	outTo *vec.Writer // writes to out
}

// noCopy makes go vet report copies.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// Len returns the number of bytes.
func (c *Chain) Len() int { return c.n }

// Push appends b and takes it over: the caller must not use it any more.
func (c *Chain) Push(b Buf) {
	if b.Len() == 0 {
		b.Release()
		return
	}
	if len(c.bufs) == cap(c.bufs) && c.head > len(c.bufs)/2 {
		n := copy(c.bufs, c.bufs[c.head:])
		clear(c.bufs[n:])
		c.bufs, c.head = c.bufs[:n], 0
	}
	c.bufs = append(c.bufs, b)
	c.n += b.Len()
}

// PushFront puts b before all others and takes it over.
func (c *Chain) PushFront(b Buf) {
	if b.Len() == 0 {
		b.Release()
		return
	}
	if c.head == 0 {
		gap := len(c.bufs) + 4
		bufs := make([]Buf, gap+len(c.bufs), 2*gap+len(c.bufs))
		copy(bufs[gap:], c.bufs)
		c.bufs, c.head = bufs, gap
	}
	c.head--
	c.bufs[c.head] = b
	c.n += b.Len()
}

// PopFront takes the first Buf out and hands it to the caller, who must release
// it. It returns false if the Chain is empty.
func (c *Chain) PopFront() (Buf, bool) {
	if c.head == len(c.bufs) {
		return Buf{}, false
	}
	b := c.bufs[c.head]
	c.bufs[c.head] = Buf{}
	c.head++
	if c.head == len(c.bufs) {
		c.bufs, c.head = c.bufs[:0], 0
	}
	c.n -= b.Len()
	return b, true
}

// Front returns the bytes of the first Buf, nil if the Chain is empty. They are
// valid until the Chain is next changed.
func (c *Chain) Front() []byte {
	if c.head == len(c.bufs) {
		return nil
	}
	return c.bufs[c.head].Bytes()
}

// Peek copies bytes from the front to p, as many as there are or p holds, and
// returns how many. They stay in the Chain.
func (c *Chain) Peek(p []byte) int {
	n := 0
	for _, b := range c.bufs[c.head:] {
		if n == len(p) {
			break
		}
		n += copy(p[n:], b.Bytes())
	}
	return n
}

// Read moves bytes from the front to p. It returns io.EOF if the Chain is empty
// and p is not.
func (c *Chain) Read(p []byte) (int, error) {
	if c.n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	n := c.Peek(p)
	c.consume(n)
	return n, nil
}

// Discard drops the first n bytes. It returns ErrRange, and drops none, if
// there are fewer or n is negative.
func (c *Chain) Discard(n int) error {
	if uint(n) > uint(c.n) {
		return ErrRange
	}
	c.consume(n)
	return nil
}

// consume drops the first n bytes, which are there.
func (c *Chain) consume(n int) {
	for n > 0 {
		b := c.bufs[c.head]
		if n < b.Len() {
			c.n -= n
			_ = b.Advance(n) // within it
			return
		}
		n -= b.Len()
		b, _ = c.PopFront()
		b.Release()
	}
}

// Split moves the first n bytes to the end of dst, without copying any. It
// returns ErrRange, and moves none, if there are fewer or n is negative.
func (c *Chain) Split(n int, dst *Chain) error {
	if uint(n) > uint(c.n) {
		return ErrRange
	}
	for n > 0 {
		b := c.bufs[c.head]
		if n < b.Len() {
			part, err := b.SplitTo(n)
			if err != nil {
				return err
			}
			c.n -= n
			dst.Push(part)
			return nil
		}
		n -= b.Len()
		b, _ = c.PopFront()
		dst.Push(b)
	}
	return nil
}

// Reset releases all Bufs. The Chain can be used again.
func (c *Chain) Reset() {
	for {
		b, ok := c.PopFront()
		if !ok {
			break
		}
		b.Release()
	}
	c.out, c.outTo = nil, nil
}

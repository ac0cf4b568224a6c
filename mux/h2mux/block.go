package h2mux

import (
	"sync"
	"sync/atomic"
)

// A block is a buffer with bytes that have arrived. Several streams may hold
// parts of it; the last one to let go gives it back.
type block struct {
	buf    []byte
	refs   atomic.Int32
	pool   Pool
	pinned *atomic.Int64 // counts the bytes of all blocks of the session
}

var blocks = sync.Pool{New: func() any { return new(block) }}

// newBlock returns a block with one reference to buf, which it owns.
func newBlock(buf []byte, pool Pool, pinned *atomic.Int64) *block {
	b := blocks.Get().(*block)
	b.buf, b.pool, b.pinned = buf, pool, pinned
	pinned.Add(int64(cap(buf)))
	b.refs.Store(1)
	return b
}

func (b *block) retain() *block {
	b.refs.Add(1)
	return b
}

func (b *block) release() {
	if b.refs.Add(-1) == 0 {
		b.pinned.Add(-int64(cap(b.buf)))
		b.pool.Put(b.buf)
		b.buf, b.pool, b.pinned = nil, nil, nil
		blocks.Put(b)
	}
}

// A chunk is a part of a block, which it has a reference to.
type chunk struct {
	next  *chunk
	data  []byte
	block *block
	own   bool // nobody else has a part of the block: data may grow
}

var chunks = sync.Pool{New: func() any { return new(chunk) }}

func newChunk(data []byte, b *block, own bool) *chunk {
	c := chunks.Get().(*chunk)
	c.data, c.block, c.own = data, b, own
	return c
}

func (c *chunk) release() {
	c.block.release()
	*c = chunk{}
	chunks.Put(c)
}

// A queue holds the chunks that a stream has not handed on yet, or that it is
// handing on. The zero queue is empty.
type queue struct{ head, tail *chunk }

func (q *queue) push(c *chunk) {
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
}

func (q *queue) pop() *chunk {
	c := q.head
	if q.head = c.next; q.head == nil {
		q.tail = nil
	}
	c.next = nil
	return c
}

// take moves up to n bytes from the front of q to the end of to.
func (q *queue) take(to *queue, n int) (taken int) {
	for q.head != nil && taken < n {
		c := q.head
		if rest := n - taken; len(c.data) > rest {
			to.push(newChunk(c.data[:rest], c.block.retain(), false))
			c.data = c.data[rest:]
			return n
		}
		taken += len(c.data)
		to.push(q.pop())
	}
	return taken
}

// Pieces below small are copied, so that a few bytes do not keep a large block;
// several in a row share a buffer.
const (
	small  = 2 << 10
	single = 256
	shared = 4 << 10
)

// add appends a piece of b. It copies where that is little, or where b is nil.
func (s *Session) add(q *queue, piece []byte, b *block) {
	if b != nil && len(piece) >= small && !s.scattered() {
		q.push(newChunk(piece, b.retain(), false))
		return
	}
	if last := q.tail; last != nil && last.own {
		n := min(cap(last.data)-len(last.data), len(piece))
		last.data = append(last.data, piece[:n]...)
		piece = piece[n:]
	}
	if len(piece) == 0 {
		return
	}
	size := single
	if q.tail != nil {
		size = shared
	}
	buf := s.pool.Get(max(len(piece), size))
	n := copy(buf, piece)
	q.push(newChunk(buf[:n], newBlock(buf, s.pool, &s.pinned), true))
}

// scattered reports whether what waits to be read keeps much more memory than
// it has bytes: then the rest is copied together.
func (s *Session) scattered() bool {
	return s.pinned.Load() > scatterFloor+scatterFactor*s.queuedIn
}

const (
	scatterFloor  = 1 << 20
	scatterFactor = 4
)

// drop lets go of everything.
func (q *queue) drop() {
	for q.head != nil {
		q.pop().release()
	}
}

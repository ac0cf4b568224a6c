package aead

import (
	"io"
	"net"
	"reflect"
	"sync"

	"github.com/headrace-go/headrace/internal/vec"
)

// This file is how payloads leave a ChunkReader's buffer.

const (
	// gatherMax is how many payloads one write takes: a full burst of chunks
	// of 16 KiB is 32.
	gatherMax = 64
	// Payloads shorter than these are moved together. A gathered write takes
	// an entry for each, which costs more than copying a short one; any other
	// write costs a system call, or a record of the layer below.
	joinGathered = 2 << 10
	joinSingle   = 16 << 10
)

// payloads are parts of a ChunkReader's buffer, in their order.
type payloads struct {
	bufs [gatherMax][]byte
	n    int
	size int64
}

// gathers lends payloads for one write: a stream that waits has none.
var gathers = sync.Pool{New: func() any { return new(payloads) }}

// add appends b, or moves it to the end of the last payload if both are
// shorter than join. What lies between the two is spent.
func (g *payloads) add(b []byte, join int) {
	g.size += int64(len(b))
	if g.n > 0 && len(b) < join {
		if last := &g.bufs[g.n-1]; len(*last) < join {
			*last = appendInPlace(*last, b)
			return
		}
	}
	g.bufs[g.n] = b
	g.n++
}

// from returns all but the first n bytes as one slice.
func (g *payloads) from(n int64) []byte {
	var rest []byte
	for _, b := range g.bufs[:g.n] {
		if n >= int64(len(b)) {
			n -= int64(len(b))
			continue
		}
		b = b[n:]
		n = 0
		if rest == nil {
			rest = b
		} else {
			rest = appendInPlace(rest, b)
		}
	}
	return rest
}

// appendInPlace is append, for a b that lies behind a in the same array.
func appendInPlace(a, b []byte) []byte {
	end := len(a)
	a = a[:end+len(b)]
	copy(a[end:], b)
	return a
}

// deliver opens the chunks that have arrived, until it has max bytes, and
// writes their payloads to dst. An error of the stream comes after everything
// before it has been delivered; what dst did not accept stays in r.rest.
func (r *ChunkReader) deliver(dst io.Writer, max int64) (n int64, dstErr, err error) {
	to := r.out.to(dst)
	join := joinGathered
	if to == nil {
		join = joinSingle
	}
	g := gathers.Get().(*payloads)
	for n < max && dstErr == nil {
		if err = r.gather(g, max-n, join); g.n == 0 {
			break
		}
		var k int64
		if to != nil {
			k, dstErr = to.Writev(g.bufs[:g.n])
		} else {
			k, dstErr = writeEach(dst, g.bufs[:g.n])
		}
		if dstErr == nil && k < g.size {
			dstErr = io.ErrShortWrite
		}
		n += k
		r.rest = g.from(k)
		clear(g.bufs[:g.n])
		g.n, g.size = 0, 0
	}
	gathers.Put(g)
	return n, dstErr, err
}

// gather opens chunks until there are max bytes, or no more in the buffer.
func (r *ChunkReader) gather(g *payloads, max int64, join int) error {
	if len(r.rest) > 0 {
		g.add(r.rest, join)
		r.rest = nil
	}
	for g.size < max && g.n < gatherMax {
		payload, ok, err := r.next(nil)
		if err != nil || !ok {
			return err
		}
		if len(payload) > 0 {
			g.add(payload, join)
		}
	}
	return nil
}

// gatherer is what takes several slices at once.
type gatherer interface {
	Writev(bufs [][]byte) (int64, error)
}

// An outlet remembers the socket that it wrote to last, since finding it
// allocates.
type outlet struct {
	dst  io.Writer
	sock *vec.Writer
}

// to returns what writes slices to dst together, and nil if they must be
// written one by one.
func (o *outlet) to(dst io.Writer) gatherer {
	if g, ok := dst.(gatherer); ok {
		return g
	}
	c, ok := dst.(net.Conn)
	if !ok || reflect.TypeOf(dst).Kind() != reflect.Pointer {
		return nil // any other kind might not be comparable
	}
	if o.sock == nil || o.dst != dst {
		sock, ok := vec.WriterOf(c)
		if !ok {
			return nil
		}
		o.dst, o.sock = dst, sock
	}
	return o.sock
}

// writeEach writes bufs one by one.
func writeEach(dst io.Writer, bufs [][]byte) (int64, error) {
	var total int64
	for _, b := range bufs {
		n, err := dst.Write(b)
		total += int64(n)
		if err != nil {
			return total, err
		}
		if n < len(b) {
			return total, io.ErrShortWrite
		}
	}
	return total, nil
}

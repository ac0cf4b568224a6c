package burst

import (
	"io"
	"net"
	"reflect"
	"sync"

	"github.com/headrace-go/headrace/internal/vec"
)

const (
	// GatherMax is how many payloads one write takes: a full burst of records
	// of 16 KiB is 32.
	GatherMax = 64
	// Payloads shorter than these are moved together. A gathered write takes
	// an entry for each, which costs more than copying a short one; any other
	// write costs a system call, or a record of the layer below.
	joinGathered = 2 << 10
	joinSingle   = 16 << 10
)

// Payloads are parts of one buffer, in their order. It is not safe for
// concurrent use.
type Payloads struct {
	Bufs [GatherMax][]byte
	N    int
	Size int64 // of all of them
}

// gathers lends Payloads for one write: a stream that waits has none.
var gathers = sync.Pool{New: func() any { return new(Payloads) }}

// Gather returns empty Payloads. Free takes them back.
func Gather() *Payloads { return gathers.Get().(*Payloads) }

// Reset lets go of the buffers.
func (g *Payloads) Reset() {
	clear(g.Bufs[:g.N])
	g.N, g.Size = 0, 0
}

// Free is Reset for Payloads that will not be used any more.
func (g *Payloads) Free() {
	g.Reset()
	gathers.Put(g)
}

// Full reports whether nothing can be added.
func (g *Payloads) Full() bool { return g.N == GatherMax }

// Add appends b, or moves it to the end of the last payload if both are
// shorter than join. What lies between the two is spent.
func (g *Payloads) Add(b []byte, join int) {
	g.Size += int64(len(b))
	if g.N > 0 && len(b) < join {
		if last := &g.Bufs[g.N-1]; len(*last) < join {
			*last = appendInPlace(*last, b)
			return
		}
	}
	g.Bufs[g.N] = b
	g.N++
}

// From returns all but the first n bytes as one slice.
func (g *Payloads) From(n int64) []byte {
	var rest []byte
	for _, b := range g.Bufs[:g.N] {
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

// gatherer is what takes several slices at once.
type gatherer interface {
	Writev(bufs [][]byte) (int64, error)
}

// An Outlet writes Payloads. It remembers the socket that it wrote to last,
// since finding it allocates.
type Outlet struct {
	dst  io.Writer
	sock *vec.Writer
}

// To returns the best way to write Payloads to dst.
func (o *Outlet) To(dst io.Writer) Route {
	if g, ok := dst.(gatherer); ok {
		return Route{dst, g}
	}
	c, ok := dst.(net.Conn)
	if !ok || reflect.TypeOf(dst).Kind() != reflect.Pointer {
		return Route{dst, nil} // any other kind might not be comparable
	}
	if o.sock == nil || o.dst != dst {
		sock, ok := vec.WriterOf(c)
		if !ok {
			return Route{dst, nil}
		}
		o.dst, o.sock = dst, sock
	}
	return Route{dst, o.sock}
}

// A Route is a way to a destination.
type Route struct {
	dst io.Writer
	to  gatherer // nil: one slice a write
}

// Join is up to which length payloads had better be moved together.
func (r Route) Join() int {
	if r.to == nil {
		return joinSingle
	}
	return joinGathered
}

// Write writes g, and returns how many bytes the destination has accepted.
func (r Route) Write(g *Payloads) (n int64, err error) {
	if r.to != nil {
		n, err = r.to.Writev(g.Bufs[:g.N])
	} else {
		n, err = writeEach(r.dst, g.Bufs[:g.N])
	}
	if err == nil && n < g.Size {
		err = io.ErrShortWrite
	}
	return n, err
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

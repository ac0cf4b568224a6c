package burst

import (
	"io"
	"net"
	"reflect"

	"github.com/headrace-go/headrace/internal/vec"
)

const (
	// Payloads shorter than these are moved together. A gathered write takes
	// an entry for each, which costs more than copying a short one; any other
	// write costs a system call, or a record of the layer below.
	joinGathered = 2 << 10
	joinSingle   = 16 << 10
)

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

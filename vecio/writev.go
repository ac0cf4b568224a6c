package vecio

import (
	"io"

	"github.com/headrace-go/headrace/internal/slab"
)

// gatherLimit is the total, in bytes, up to which several buffers are copied
// into one for a writer that cannot gather: a system call, or a TLS record,
// costs more than copying this much.
const gatherLimit = 16 << 10

// Writev writes all of bufs to w, in order. It returns how many bytes w
// accepted, which is all of them unless there is an error.
//
// Writev neither changes nor keeps bufs. A stream socket takes them in one
// system call, or as few as it accepts; so does a *net.TCPConn or
// *net.UnixConn under transparent wrappers. A w with its own
// Writev([][]byte) (int64, error) is given bufs as they are. For any other
// w, up to 16 KiB are gathered into one Write, and more go one by one.
//
// Writev is as safe for concurrent use as w's Write, and honours w's write
// deadline. Whoever writes often to one socket keeps a Writer.
func Writev(w io.Writer, bufs [][]byte) (int64, error) {
	return NewWriter(w).Writev(bufs)
}

// gatherer is what writes several buffers by itself: mux streams, coalescing
// connections.
type gatherer interface {
	Writev(bufs [][]byte) (int64, error)
}

// writeEach writes bufs to a writer that cannot gather.
func writeEach(w io.Writer, bufs [][]byte) (int64, error) {
	total := 0
	for _, b := range bufs {
		if total += len(b); total > gatherLimit {
			break
		}
	}
	if len(bufs) > 1 && total <= gatherLimit {
		all := slab.Default().Get(total)
		defer slab.Default().Put(all)
		n := 0
		for _, b := range bufs {
			n += copy(all[n:], b)
		}
		bufs = [][]byte{all}
	}
	var written int64
	for _, b := range bufs {
		if len(b) == 0 {
			continue
		}
		n, err := w.Write(b)
		written += int64(n)
		if err != nil {
			return written, err
		}
		if n < len(b) {
			return written, io.ErrShortWrite
		}
	}
	return written, nil
}

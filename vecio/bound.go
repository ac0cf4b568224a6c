package vecio

import (
	"io"
	"net"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
	"github.com/headrace-go/headrace/internal/vec"
)

// A Writer writes several buffers to one connection at a time, for whoever
// does so often: it finds out once how, and does not allocate
// (TestBoundAllocs). It is not safe for concurrent use.
type Writer struct {
	dst io.Writer
	to  gatherer // nil: dst cannot gather
}

// NewWriter returns a Writer to w, by the way that Writev describes.
func NewWriter(w io.Writer) *Writer {
	bound := &Writer{dst: w}
	if g, ok := w.(gatherer); ok {
		bound.to = g
	} else if c, ok := w.(net.Conn); ok {
		if s, ok := vec.WriterOf(c); ok {
			bound.to = s
		}
	}
	return bound
}

// Writev is the function Writev, to the Writer's connection.
func (w *Writer) Writev(bufs [][]byte) (int64, error) {
	if w.to != nil {
		return w.to.Writev(bufs)
	}
	return writeEach(w.dst, bufs)
}

// Write is Writev of one buffer.
func (w *Writer) Write(b []byte) (int, error) {
	if s, ok := w.to.(*vec.Writer); ok {
		return s.Write(b)
	}
	return w.dst.Write(b)
}

// A Reader reads one connection, for whoever does so often: it finds out once
// how, and does not allocate (TestBoundAllocs). It is not safe for concurrent
// use.
type Reader struct {
	src  net.Conn
	sock *readiness.Socket // nil: src is no socket
}

// NewReader returns a Reader of c.
func NewReader(c net.Conn) *Reader {
	r := &Reader{src: c}
	r.sock, _ = readiness.Of(c)
	return r
}

// Readv waits until there is something to read and reads it into bufs, in
// their order: by one readv(2) from a stream socket on Linux, and from any
// other connection by one Read into the first buffer that is not empty. It
// returns how many bytes that were; the end of the stream is io.EOF. It keeps
// no slice, and honours the connection's read deadline.
func (r *Reader) Readv(bufs [][]byte) (int, error) {
	for len(bufs) > 0 && len(bufs[0]) == 0 {
		bufs = bufs[1:]
	}
	if len(bufs) == 0 {
		return 0, nil
	}
	if r.sock == nil {
		return r.src.Read(bufs[0])
	}
	for {
		n, err := r.sock.TryReadv(bufs)
		if err != readiness.ErrWouldBlock {
			return n, err
		}
		if err := r.sock.Wait(); err != nil {
			return 0, err
		}
	}
}

// ReadReady is the function ReadReady, from the Reader's connection.
func (r *Reader) ReadReady(p interface {
	Get(n int) []byte
	Put(b []byte)
}) ([]byte, error) {
	if r.sock != nil {
		return r.sock.ReadReady(p, growth.Floor)
	}
	if ready, ok := r.src.(readyReader); ok {
		return ready.ReadReady(p)
	}
	b := p.Get(growth.Floor)
	n, err := r.src.Read(b)
	if n > 0 {
		return b[:n], nil // an error that came along comes again
	}
	p.Put(b)
	return nil, err
}

// Readv is Reader.Readv, for a single call.
func Readv(c net.Conn, bufs [][]byte) (int, error) { return NewReader(c).Readv(bufs) }

// ReadReady waits until c has something to read, and only then takes a buffer
// of 16 KiB from p and reads once. The caller owns what it returns and puts it
// back; on an error there is nothing to put back. The end of the stream is
// io.EOF.
//
// ReadReady holds no buffer while it waits if c is a *net.TCPConn or
// *net.UnixConn, also under wrappers with TransparentConn, or has a ReadReady of
// its own, as streams of QUIC have: then that is called. Any other c is read with
// the buffer taken beforehand. It honours c's read deadline. Whoever
// reads one connection often keeps a Reader.
func ReadReady(c net.Conn, p interface {
	Get(n int) []byte
	Put(b []byte)
}) ([]byte, error) {
	return NewReader(c).ReadReady(p)
}

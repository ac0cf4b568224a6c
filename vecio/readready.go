package vecio

import (
	"net"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
)

// ReadReady waits until c has something to read, and only then takes a buffer
// of 16 KiB from p and reads once. The caller owns what it returns and puts it
// back; on an error there is nothing to put back. The end of the stream is
// io.EOF.
//
// ReadReady holds no buffer while it waits if c is a *net.TCPConn or
// *net.UnixConn, also under wrappers with TransparentConn. Any other c is read
// with the buffer taken beforehand. It honours c's read deadline.
func ReadReady(c net.Conn, p interface {
	Get(n int) []byte
	Put(b []byte)
}) ([]byte, error) {
	if s, ok := readiness.Of(c); ok {
		return s.ReadReady(p, growth.Floor)
	}
	b := p.Get(growth.Floor)
	n, err := c.Read(b)
	if n > 0 {
		return b[:n], nil // an error that came along comes again
	}
	p.Put(b)
	return nil, err
}

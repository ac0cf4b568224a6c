package burst

import (
	"io"
	"net"
	"reflect"

	"github.com/headrace-go/headrace/internal/readiness"
)

// An Inlet is what a layer reads for itself, by the best way that there is.
type Inlet struct {
	src   io.Reader
	readv scatterer
	sock  *readiness.Socket
}

// scatterer is what reads into several slices at once.
type scatterer interface {
	Readv(bufs [][]byte) (int, error)
}

// InletOf finds the way.
func InletOf(src io.Reader) Inlet {
	in := Inlet{src: src}
	if s, ok := src.(scatterer); ok {
		in.readv = s
	} else if c, ok := connOf(src); ok {
		in.sock, _ = readiness.Of(c)
	}
	return in
}

// Socket reports whether Wait can wait, without a buffer. If not, Readv waits.
func (in *Inlet) Socket() bool { return in.sock != nil }

// Gathers reports whether Readv fills more than the first slice.
func (in *Inlet) Gathers() bool { return in.sock != nil || in.readv != nil }

// Wait waits until the socket has something.
func (in *Inlet) Wait() error { return in.sock.Wait() }

// Readv reads once into bufs. From a socket it does not wait, but returns
// readiness.ErrWouldBlock.
func (in *Inlet) Readv(bufs [][]byte) (int, error) {
	switch {
	case in.sock != nil:
		return in.sock.TryReadv(bufs)
	case in.readv != nil:
		return in.readv.Readv(bufs)
	default:
		return in.src.Read(bufs[0])
	}
}

// connOf returns the connection that src is. io.Copy calls ReadFrom through
// (*net.TCPConn).WriteTo, which passes its connection in a struct of package
// net that embeds it.
func connOf(src io.Reader) (net.Conn, bool) {
	c, ok := src.(net.Conn)
	if !ok {
		return nil, false
	}
	if v := reflect.ValueOf(src); v.Kind() == reflect.Struct && v.Type().PkgPath() == "net" {
		if f := v.FieldByName("TCPConn"); f.IsValid() && f.CanInterface() {
			c, ok = f.Interface().(*net.TCPConn)
		}
	}
	return c, ok
}

package burst

import (
	"io"
	"net"
	"reflect"

	"github.com/headrace-go/headrace/internal/growth"
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

// A Framer seals what an Inlet reads.
type Framer interface {
	// Slots returns where about size bytes are to be read to, without the
	// buffer. It sends what has to leave before more is read.
	Slots(size int) (Slots, error)
	// Seal seals the first n bytes in the slots, sends them, and gives the
	// buffer back to the window that it is from. It returns how many of the
	// bytes have left, or are kept to be sent.
	Seal(s Slots, n int) (int64, error)
}

// Slots are a buffer that is laid out as records.
type Slots struct {
	Len   int // of the buffer
	First int // where the first payload lies
	Per   int // the length of a payload; what is left for the last may be less
	Gap   int // what lies between two payloads
	Tail  int // what lies behind the last
	Buf   []byte
}

// Copy reads until the end of the source, into memory of win, and has f seal
// it. It returns how many bytes that was. While it waits for a socket it holds
// no buffer; while another source may let it wait, growth.Floor at most.
func (in *Inlet) Copy(win *growth.Window, f Framer) (int64, error) {
	var total int64
	empty := 0
	for full := false; ; {
		size := win.Next()
		if in.sock == nil && !(in.readv != nil && (full || total == 0)) {
			size = min(size, growth.Floor)
		}
		s, err := f.Slots(size)
		if err != nil {
			return total, err
		}
		if in.sock != nil && !full {
			if err := in.sock.Wait(); err != nil {
				return total, err
			}
		}
		s.Buf = win.Get(s.Len)
		n, offered, err := in.fill(&s)
		if n == 0 {
			win.Put(s.Buf)
			full = false
			switch {
			case err == io.EOF:
				return total, nil
			case err == nil:
				if empty++; empty == maxEmptyReads {
					return total, io.ErrNoProgress
				}
			case err != readiness.ErrWouldBlock:
				return total, err
			}
			continue
		}
		empty = 0
		if full = n == offered; full {
			win.Observe(len(s.Buf))
		} else {
			win.Observe(n)
		}
		sent, sealErr := f.Seal(s, n)
		total += sent
		if sealErr != nil {
			return total, sealErr
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// fill reads once into the slots. It returns how many bytes they have room for
// as well.
func (in *Inlet) fill(s *Slots) (n, offered int, err error) {
	g := Gather()
	end := len(s.Buf) - s.Tail
	s.Per = min(s.Per, end-s.First)
	// A last slot of less than half is not worth its record.
	for at := s.First; end-at > s.Per/2 && !g.Full(); at += s.Per + s.Gap {
		b := s.Buf[at:min(at+s.Per, end)]
		g.Bufs[g.N] = b
		g.N++
		offered += len(b)
	}
	switch {
	case in.sock != nil:
		n, err = in.sock.TryReadv(g.Bufs[:g.N])
	case in.readv != nil:
		n, err = in.readv.Readv(g.Bufs[:g.N])
	default:
		offered = len(g.Bufs[0])
		n, err = in.src.Read(g.Bufs[0])
	}
	g.Free()
	return n, offered, err
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

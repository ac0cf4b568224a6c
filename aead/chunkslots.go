package aead

import (
	"io"
	"net"
	"reflect"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
)

// This file is how a ChunkWriter reads for itself: straight into the places
// where the payloads are then sealed.

// slotSize is a slot's length: a chunk that fills one takes 16 KiB, so that
// bursts of 16 KiB and its multiples have no room left over.
func (w *ChunkWriter) slotSize() int {
	return min(w.maxPayload+w.framing.overhead(), growth.Floor)
}

// ReadFrom writes all that src has, until its end, and returns how many bytes
// that was. It reads into a buffer that is laid out as chunks with room for
// their lengths and tags, with one readv if src is a *net.TCPConn or
// *net.UnixConn, also under wrappers with TransparentConn, or with one call of
// Readv([][]byte) (int, error) if src has it. Then it seals all of them in
// place and sends them by one write. A read that fills its buffer makes the
// next one larger, up to MaxBurst.
//
// While ReadFrom waits for a socket it holds no buffer, for a src with Readv
// that has just been short of bytes, or any other, 16 KiB. Writes may go on at
// the same time, between two bursts. Close ends a ReadFrom as soon as
// src has brought something. A burst allocates nothing but what the AEAD does
// (TestStreamAllocs).
func (w *ChunkWriter) ReadFrom(src io.Reader) (int64, error) {
	w.fillMu.Lock()
	defer w.fillMu.Unlock()
	in := inletOf(src)
	var total int64
	empty := 0
	for full := false; ; {
		if err := w.settle(); err != nil {
			return total, err
		}
		if in.sock != nil && !full {
			if err := in.sock.Wait(); err != nil {
				return total, err
			}
		}
		buf, n, offered, err := w.fillSlots(&in, full || total == 0)
		if n == 0 {
			w.fill.Put(buf)
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
			w.fill.Observe(len(buf))
		} else {
			w.fill.Observe(n)
		}
		sent, sealErr := w.sealSlots(buf, n)
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

// settle sends what a missed deadline left behind, before more is read.
func (w *ChunkWriter) settle() error {
	w.mu.Lock()
	defer w.unlock()
	if err := w.ended(); err != nil {
		return err
	}
	return w.flush()
}

// fillSlots takes a buffer and reads once into its slots. It takes a large
// one only if the source is likely not to let it wait.
func (w *ChunkWriter) fillSlots(in *inlet, likely bool) (buf []byte, n, offered int, err error) {
	slot := w.slotSize()
	size := w.fill.Next()
	if in.sock == nil && !(in.readv != nil && likely) {
		size = min(size, growth.Floor)
	}
	buf = w.fill.Get(min(size, gatherMax*slot))
	slot = min(slot, len(buf)) // then it is the only one
	if in.sock == nil && in.readv == nil {
		p := buf[w.framing.headroom() : slot-TagSize]
		n, err = in.src.Read(p)
		return buf, n, len(p), err
	}
	g := gathers.Get().(*payloads)
	for b := buf; len(b) >= slot && g.n < gatherMax; b = b[slot:] {
		g.bufs[g.n] = b[w.framing.headroom() : slot-TagSize]
		g.n++
	}
	offered = g.n * (slot - w.framing.overhead())
	if in.sock != nil {
		n, err = in.sock.TryReadv(g.bufs[:g.n])
	} else {
		n, err = in.readv.Readv(g.bufs[:g.n])
	}
	clear(g.bufs[:g.n])
	g.n = 0
	gathers.Put(g)
	return buf, n, offered, err
}

// sealSlots seals n bytes in the slots of buf, which become one run of chunks,
// and sends them. It returns how many of the bytes were sent, or kept to be.
func (w *ChunkWriter) sealSlots(buf []byte, n int) (int64, error) {
	w.mu.Lock()
	defer w.unlock()
	late := w.ready()
	if late != nil && !isTimeout(late) {
		w.fill.Put(buf)
		return 0, late
	}
	var total int64
	var sealErr error
	begin := 0
	if w.first != nil {
		begin = ChunkHeadroom // what precedes the first payload goes elsewhere
	}
	wire := buf[begin:begin]
	for at := w.framing.headroom(); n > 0; at += w.slotSize() {
		k := min(n, w.slotSize()-w.framing.overhead())
		out, err := w.sealNext(wire, buf[at:at+k])
		if err != nil {
			sealErr = err
			break
		}
		wire = out
		n -= k
		total += int64(k)
		w.sealed.note(k)
	}
	if late != nil {
		// A write at the same time missed its deadline. What has been read
		// must not be lost: it joins the bytes that are kept.
		w.keep(wire)
		w.fill.Put(buf)
		return total, late
	}
	sent, err := w.send(&w.fill, buf, wire)
	if !sent {
		total = 0
	}
	if err == nil && sealErr != nil {
		w.err, err = sealErr, sealErr
	}
	return total, err
}

// An inlet is what ReadFrom reads, by the best way that there is.
type inlet struct {
	src   io.Reader
	readv scatterer
	sock  *readiness.Socket
}

// scatterer is what reads into several slices at once.
type scatterer interface {
	Readv(bufs [][]byte) (int, error)
}

func inletOf(src io.Reader) inlet {
	in := inlet{src: src}
	if s, ok := src.(scatterer); ok {
		in.readv = s
	} else if c, ok := connOf(src); ok {
		in.sock, _ = readiness.Of(c)
	}
	return in
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

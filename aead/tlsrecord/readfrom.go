package tlsrecord

import (
	"io"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
)

// This file is how a writer reads for itself: straight into the places where
// the contents are then sealed.

// readFrom is Conn.ReadFrom.
func (w *writer) readFrom(src io.Reader) (int64, error) {
	w.fillMu.Lock()
	defer w.fillMu.Unlock()
	in := burst.InletOf(src)
	var total int64
	empty := 0
	for full := false; ; {
		per, err := w.settle()
		if err != nil {
			return total, err
		}
		if in.Socket() && !full {
			if err := in.Wait(); err != nil {
				return total, err
			}
		}
		s, n, err := w.fillSlots(&in, per, full || total == 0)
		if n == 0 {
			w.fill.Put(s.buf)
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
		if full = n == s.offered; full {
			w.fill.Observe(len(s.buf))
		} else {
			w.fill.Observe(n)
		}
		sent, sealErr := w.sealSlots(s, n)
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

// maxEmptyReads is how often a source may return no byte and no error.
const maxEmptyReads = 100

// settle sends what a missed deadline left behind, before more is read, and
// returns how much content the next records have.
func (w *writer) settle() (per int, err error) {
	w.mu.Lock()
	defer w.unlock()
	if err := w.open(); err != nil {
		return 0, err
	}
	return w.sizes.next(), w.flush()
}

// slots is a buffer laid out as records, behind room for one that changes the
// key.
type slots struct {
	buf     []byte
	per     int // content of one
	offered int // content of all
}

// fillSlots takes a buffer and reads once into its slots. It takes a large
// one only if the source is likely not to let it wait.
func (w *writer) fillSlots(in *burst.Inlet, per int, likely bool) (s slots, n int, err error) {
	size := w.fill.Next()
	if !in.Socket() && !(in.Gathers() && likely) {
		size = min(size, growth.Floor)
	}
	count := min((size+per-1)/per, burst.GatherMax)
	s.buf = w.fill.Get(min(size, count*per) + count*overhead + updateSize)
	s.per = min(per, len(s.buf)-updateSize-overhead)
	g := burst.Gather()
	for b := s.buf[updateSize:]; len(b) > overhead && !g.Full(); {
		k := min(s.per, len(b)-overhead)
		g.Bufs[g.N] = b[headerSize:][:k]
		g.N++
		s.offered += k
		b = b[k+overhead:]
	}
	if !in.Gathers() {
		s.offered = len(g.Bufs[0])
	}
	n, err = in.Readv(g.Bufs[:g.N])
	g.Free()
	return s, n, err
}

// sealSlots seals n bytes in slots, which become one run of records, and sends
// them. It returns how many of the bytes were sent, or kept to be.
func (w *writer) sealSlots(s slots, n int) (int64, error) {
	w.mu.Lock()
	defer w.unlock()
	late := w.free()
	if late != nil && !isTimeout(late) {
		w.fill.Put(s.buf)
		return 0, late
	}
	begin, at := updateSize, updateSize
	if w.left < burst.GatherMax || w.answer.Load() {
		if _, err := w.sealUpdate(s.buf[:0], updateNotRequested); err != nil {
			w.fill.Put(s.buf)
			return 0, err
		}
		begin = 0
	}
	var total int64
	for n > 0 {
		k := min(n, s.per)
		size, err := w.seal(s.buf[at:], k, typeApplication)
		if err != nil {
			w.fill.Put(s.buf)
			return 0, w.fail(err)
		}
		at += size
		n -= k
		total += int64(k)
		w.sizes.note(k)
		w.sealed.note(k)
	}
	wire := s.buf[begin:at]
	if late != nil {
		// A write at the same time missed its deadline. What has been read
		// must not be lost: it joins the bytes that are kept.
		w.keep(wire)
		w.fill.Put(s.buf)
		return total, late
	}
	sent, err := w.sendFrom(&w.fill, s.buf, wire)
	if !sent {
		total = 0
	}
	return total, err
}

// free sees to it that nothing is sealed and not sent.
func (w *writer) free() error {
	if err := w.open(); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	_, err := w.send()
	return err
}

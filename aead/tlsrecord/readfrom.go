package tlsrecord

import (
	"io"

	"github.com/headrace-go/headrace/internal/burst"
)

// This file is how a writer reads for itself: straight into the places where
// the contents are then sealed.

// readFrom is Conn.ReadFrom.
func (w *writer) readFrom(src io.Reader) (int64, error) {
	w.fillMu.Lock()
	defer w.fillMu.Unlock()
	in := burst.InletOf(src)
	return in.Copy(&w.fill, (*framer)(w))
}

// A framer is what a writer is to a burst.
type framer writer

// Slots sends what a missed deadline left behind, before more is read. There is
// room for a record that changes the key in front.
func (f *framer) Slots(size int) (burst.Slots, error) {
	w := (*writer)(f)
	w.mu.Lock()
	defer w.unlock()
	per := w.sizes.next()
	count := min((size+per-1)/per, burst.GatherMax)
	s := burst.Slots{
		Len:   updateSize + min(size, count*per) + count*overhead,
		First: updateSize + headerSize,
		Per:   per,
		Gap:   overhead,
		Tail:  trailer,
	}
	if err := w.open(); err != nil {
		return s, err
	}
	return s, w.flush()
}

// Seal seals n bytes in slots, which become one run of records, and sends them.
func (f *framer) Seal(s burst.Slots, n int) (int64, error) {
	w := (*writer)(f)
	w.mu.Lock()
	defer w.unlock()
	late := w.free()
	if late != nil && !isTimeout(late) {
		w.fill.Put(s.Buf)
		return 0, late
	}
	begin, at := updateSize, updateSize
	if w.left < burst.GatherMax || w.answer.Load() {
		if _, err := w.sealUpdate(s.Buf[:0], updateNotRequested); err != nil {
			w.fill.Put(s.Buf)
			return 0, err
		}
		begin = 0
	}
	var total int64
	for n > 0 {
		k := min(n, s.Per)
		size, err := w.seal(s.Buf[at:], k, typeApplication)
		if err != nil {
			w.fill.Put(s.Buf)
			return 0, w.fail(err)
		}
		at += size
		n -= k
		total += int64(k)
		w.sizes.note(k)
		w.sealed.Note(k)
	}
	wire := s.Buf[begin:at]
	if late != nil {
		// A write at the same time missed its deadline. What has been read
		// must not be lost: it joins the bytes that are kept.
		w.out.Keep(wire)
		w.fill.Put(s.Buf)
		return total, late
	}
	sent, err := w.sendFrom(&w.fill, s.Buf, wire)
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

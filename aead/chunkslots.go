package aead

import (
	"io"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/growth"
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
	in := burst.InletOf(src)
	return in.Copy(&w.fill, (*chunkFramer)(w))
}

// A chunkFramer is what a ChunkWriter is to a burst.
type chunkFramer ChunkWriter

// Slots sends what a missed deadline left behind, before more is read.
func (f *chunkFramer) Slots(size int) (burst.Slots, error) {
	w := (*ChunkWriter)(f)
	w.mu.Lock()
	defer w.unlock()
	s := burst.Slots{
		Len:   min(size, burst.GatherMax*w.slotSize()),
		First: w.framing.headroom(),
		Per:   w.slotSize() - w.framing.overhead(),
		Gap:   w.framing.overhead(),
		Tail:  TagSize,
	}
	if err := w.ended(); err != nil {
		return s, err
	}
	return s, w.flush()
}

// Seal seals n bytes in the slots, which become one run of chunks, and sends
// them.
func (f *chunkFramer) Seal(s burst.Slots, n int) (int64, error) {
	w := (*ChunkWriter)(f)
	w.mu.Lock()
	defer w.unlock()
	late := w.ready()
	if late != nil && !isTimeout(late) {
		w.fill.Put(s.Buf)
		return 0, late
	}
	var total int64
	var sealErr error
	begin := 0
	if w.first != nil {
		begin = ChunkHeadroom // what precedes the first payload goes elsewhere
	}
	wire := s.Buf[begin:begin]
	for at := s.First; n > 0; at += s.Per + s.Gap {
		k := min(n, s.Per)
		out, err := w.sealNext(wire, s.Buf[at:at+k])
		if err != nil {
			sealErr = err
			break
		}
		wire = out
		n -= k
		total += int64(k)
		w.sealed.Note(k)
	}
	if late != nil {
		// A write at the same time missed its deadline. What has been read
		// must not be lost: it joins the bytes that are kept.
		w.out.Keep(wire)
		w.fill.Put(s.Buf)
		return total, late
	}
	sent, err := w.send(&w.fill, s.Buf, wire)
	if !sent {
		total = 0
	}
	if err == nil && sealErr != nil {
		w.err, err = sealErr, sealErr
	}
	return total, err
}

package aeadtest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/headrace-go/headrace/internal/fused"
)

// twoCalls is a chunk by two calls of the reference.
func (p pair) twoCalls(nonces, payload []byte) []byte {
	length := []byte{byte(len(payload) >> 8), byte(len(payload))}
	out := p.want.Seal(nil, nonces[:fused.NonceSize], length, nil)
	return p.want.Seal(out, nonces[fused.NonceSize:], payload, nil)
}

// checkChunks: a chunk in one call is what two calls make.
func checkChunks(s *subject) error {
	src := newSource(11)
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	sealer, opener := fusedOf(p)
	if sealer == nil && opener == nil {
		return nil // it has neither method, which is well
	}
	var lengths []int
	for n := 0; n <= allUpTo; n += s.stride {
		lengths = append(lengths, n)
	}
	for at := allUpTo; at <= 64<<10; at += 512 * s.stride {
		lengths = append(lengths, at-1, at, at+1)
	}
	lengths = append(lengths, 16382, 16383, 65534, 65535)
	room := newRoom(longest)
	nonceRoom := newRoom(fused.NonceSize*2 + 64)
	for _, n := range lengths {
		if n > fused.MaxPayload {
			continue
		}
		nonAl, align := src.below(64), src.below(64)
		nonces := nonceRoom.slot(nonAl, 2*fused.NonceSize)
		_, _ = src.Read(nonces)
		payload := src.bytes(n)
		want := p.twoCalls(nonces, payload)
		if sealer != nil {
			if err := sealChunk(sealer, room, align, nonces, payload, want); err != nil {
				return fmt.Errorf("its SealChunk of %d bytes: %w", n, err)
			}
		}
		if opener != nil {
			if err := openChunk(opener, room, align, nonces, want, payload); err != nil {
				return fmt.Errorf("its OpenChunk of %d bytes: %w", n, err)
			}
		}
		if err := nonceRoom.restore(nonAl, len(nonces)); err != nil {
			return fmt.Errorf("nonces: %w", err)
		}
	}
	return checkChunkOverlap(p, sealer, opener, src)
}

func fusedOf(p pair) (sealer fused.ChunkSealer, opener fused.ChunkOpener) {
	sealer, _ = p.got.(fused.ChunkSealer)
	opener, _ = p.got.(fused.ChunkOpener)
	return sealer, opener
}

func sealChunk(sealer fused.ChunkSealer, room *room, align int, nonces, payload, want []byte) error {
	before, noncesBefore := bytes.Clone(payload), bytes.Clone(nonces)
	slot := room.slot(align, len(want))
	if err := same("it", sealer.SealChunk(slot[:0], nonces, payload), want, slot); err != nil {
		return err
	}
	if !bytes.Equal(payload, before) {
		return errors.New("the payload changed")
	}
	if err := room.restore(align, len(want)); err != nil {
		return err
	}
	copy(slot[fused.Headroom:], payload)
	inPlace := slot[fused.Headroom : fused.Headroom+len(payload)]
	if err := same("in place it", sealer.SealChunk(slot[:0], nonces, inPlace), want, slot); err != nil {
		return err
	}
	if !bytes.Equal(nonces, noncesBefore) {
		return errors.New("the nonces changed")
	}
	if err := room.restore(align, len(want)); err != nil {
		return fmt.Errorf("in place: %w", err)
	}
	// Without capacity, behind what is there.
	if got := sealer.SealChunk([]byte("pre")[:3:3], nonces, payload); !bytes.Equal(got, append([]byte("pre"), want...)) {
		return errors.New("wrong behind a full dst")
	}
	return nil
}

func openChunk(opener fused.ChunkOpener, room *room, align int, nonces, chunk, payload []byte) error {
	// More than the chunk is there, as usual in a stream.
	src := append(bytes.Clone(chunk), 1, 2, 3)
	before := bytes.Clone(src)
	slot := room.slot(align, len(payload))
	got, size, err := opener.OpenChunk(slot[:0], nonces, src, fused.MaxPayload)
	if err != nil || size != len(chunk) {
		return fmt.Errorf("size %d, %v, want %d", size, err, len(chunk))
	}
	if err := same("it", got, payload, slot); err != nil {
		return err
	}
	if !bytes.Equal(src, before) {
		return errors.New("the chunk changed")
	}
	if err := room.restore(align, len(payload)); err != nil {
		return err
	}
	if got, _, err := opener.OpenChunk([]byte("pre")[:3:3], nonces, src, fused.MaxPayload); err != nil || !bytes.Equal(got, append([]byte("pre"), payload...)) {
		return fmt.Errorf("wrong behind a full dst: %v", err)
	}
	// Not all of it, and too much of it: only the length is looked at.
	for _, have := range []int{fused.Headroom, len(chunk) - 1} {
		got, size, err := opener.OpenChunk(nil, nonces, src[:have], fused.MaxPayload)
		if got != nil || size != len(chunk) || err != nil {
			return fmt.Errorf("with %d bytes: %d bytes, size %d, %v, want nil, %d, nil", have, len(got), size, err, len(chunk))
		}
	}
	if n := len(payload); n > 0 {
		got, size, err := opener.OpenChunk(nil, nonces, src, n-1)
		if got != nil || size != len(chunk) || err != nil {
			return fmt.Errorf("over the limit: %d bytes, size %d, %v, want nil, %d, nil", len(got), size, err, len(chunk))
		}
	}
	src = src[:len(chunk):len(chunk)]
	got, size, err = opener.OpenChunk(src[fused.Headroom:fused.Headroom], nonces, src, len(payload))
	if err != nil || size != len(chunk) || !bytes.Equal(got, payload) {
		return fmt.Errorf("in place: size %d, %v", size, err)
	}
	if !bytes.Equal(src[:fused.Headroom], before[:fused.Headroom]) || !bytes.Equal(src[len(src)-tagSize:], chunk[len(src)-tagSize:]) {
		return errors.New("in place: length or tag changed")
	}
	return nil
}

func checkChunkOverlap(p pair, sealer fused.ChunkSealer, opener fused.ChunkOpener, src source) error {
	nonces := src.bytes(2 * fused.NonceSize)
	const center = 300
	for _, n := range []int{1, 20, 130} {
		payload := src.bytes(n)
		chunk := p.twoCalls(nonces, payload)
		for d := -center; d <= center; d++ {
			buf := make([]byte, 3*center)
			if sealer != nil {
				in := buf[center+d : center+d+n]
				copy(in, payload)
				refused := d != fused.Headroom && d < n+fused.Overhead && d > -n
				var out []byte
				if got := panics(func() { out = sealer.SealChunk(buf[center:center], nonces, in) }); got != refused {
					return fmt.Errorf("its SealChunk of %d bytes at distance %d: panics %v, want %v", n, d, got, refused)
				}
				if !refused && !bytes.Equal(out, chunk) {
					return fmt.Errorf("its SealChunk of %d bytes at distance %d is wrong", n, d)
				}
			}
			if opener != nil {
				in := buf[center+d : center+d+len(chunk)]
				copy(in, chunk)
				// The output is [0, n), the sealed payload [from, from+n).
				from := d + fused.Headroom
				refused := from != 0 && from < n && from > -n
				if !refused && from != 0 && d < n && d > -len(chunk) {
					continue // on the length or the tag alone: both are right
				}
				var out []byte
				var err error
				if got := panics(func() { out, _, err = opener.OpenChunk(buf[center:center], nonces, in, n) }); got != refused {
					return fmt.Errorf("its OpenChunk of %d bytes at distance %d: panics %v, want %v", n, d, got, refused)
				}
				if !refused && (err != nil || !bytes.Equal(out, payload)) {
					return fmt.Errorf("its OpenChunk of %d bytes at distance %d is wrong: %v", n, d, err)
				}
			}
		}
	}
	return nil
}

// checkForgedChunks: every flipped bit of a chunk is refused, with its output
// cleared and nothing else touched.
func checkForgedChunks(s *subject) error {
	src := newSource(12)
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	_, opener := fusedOf(p)
	if opener == nil {
		return nil
	}
	for _, n := range []int{0, 1, 33, 700, 1350} {
		nonces, payload := src.bytes(2*fused.NonceSize), src.bytes(n)
		chunk := p.twoCalls(nonces, payload)
		const around = 32
		for bit := range 8 * len(chunk) {
			if n > 64 && bit/8 >= fused.Headroom && bit/8 < fused.Headroom+n && bit%29 != 0 {
				continue
			}
			room := bytes.Repeat([]byte{canary}, around+n+around)
			forged := flip(chunk, bit)
			out, _, err := opener.OpenChunk(room[:around], nonces, forged, fused.MaxPayload)
			if err == nil || out != nil {
				return fmt.Errorf("%d bytes, bit %d flipped: OpenChunk = %d bytes, %v", n, bit, len(out), err)
			}
			if err := cleared(room[around:around+n], bytes.Repeat([]byte{canary}, n)); err != nil {
				return fmt.Errorf("%d bytes, bit %d flipped: %w", n, bit, err)
			}
			if !bytes.Equal(room[:around], room[around+n:]) || bytes.Count(room[:around], []byte{canary}) != around {
				return fmt.Errorf("%d bytes, bit %d flipped: written outside the output", n, bit)
			}
		}
	}
	return nil
}

// guardChunk is a chunk at the edges of pages.
func (s *subject) guardChunk(p pair, fences [5]fence, last bool, n int, src source) error {
	sealer, opener := fusedOf(p)
	if sealer == nil && opener == nil || n > fused.MaxPayload {
		return nil
	}
	nonces := fences[1].at(last, 2*fused.NonceSize)
	_, _ = src.Read(nonces)
	payload := src.bytes(n)
	want := p.twoCalls(nonces, payload)
	in, out := fences[3].at(last, n), fences[4].at(last, len(want))
	if sealer != nil {
		copy(in, payload)
		if got := sealer.SealChunk(out[:0], nonces, in); !bytes.Equal(got, want) {
			return fmt.Errorf("its SealChunk of %d bytes at a page's edge is wrong", n)
		}
	}
	if opener != nil {
		copy(out, want)
		got, _, err := opener.OpenChunk(in[:0], nonces, out, n)
		if err != nil || !bytes.Equal(got, payload) {
			return fmt.Errorf("its OpenChunk of %d bytes at a page's edge is wrong: %v", n, err)
		}
		if n > 0 {
			head := fences[4].at(last, fused.Headroom)
			copy(head, want)
			if _, size, err := opener.OpenChunk(nil, nonces, head, n); err != nil || size != len(want) {
				return fmt.Errorf("its OpenChunk of a length at a page's edge = %d, %v", size, err)
			}
		}
	}
	return nil
}

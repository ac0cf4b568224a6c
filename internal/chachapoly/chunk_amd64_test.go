//go:build !purego

package chachapoly

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/headrace-go/headrace/internal/registers"
)

func TestChunks(t *testing.T) {
	all(t)
	s := newSource(6)
	var sizes []int
	for n := range 3300 {
		sizes = append(sizes, n)
	}
	sizes = append(sizes, 8191, 16383, 16384, 20000, 30720, 65535)
	for i, n := range sizes {
		if i%5 != 0 && raceEnabled {
			continue
		}
		p := s.pair(t)
		got := p.got.(*AEAD)
		nonces, payload := s.bytes(2*nonceSize), s.bytes(n)
		want := p.want.Seal(nil, nonces[:nonceSize], binary.BigEndian.AppendUint16(nil, uint16(n)), nil)
		want = p.want.Seal(want, nonces[nonceSize:], payload, nil)

		registers.FillZMM()
		sealed := got.SealChunk([]byte("before"), nonces, payload)
		if left := registers.LeftZMM(); left != 0 {
			t.Fatalf("SealChunk of %d bytes leaves %#x in vector registers", n, left)
		}
		if string(sealed[:6]) != "before" || !bytes.Equal(sealed[6:], want) {
			t.Fatalf("SealChunk of %d bytes: wrong", n)
		}
		buf := bytes.Repeat([]byte{0xa5}, n+chunkOverhead+64)
		copy(buf[chunkHeadroom:], payload)
		registers.FillZMM()
		if sealed := got.SealChunk(buf[:0], nonces, buf[chunkHeadroom:chunkHeadroom+n]); !bytes.Equal(sealed, want) {
			t.Fatalf("SealChunk of %d bytes in place: wrong", n)
		}
		for _, b := range buf[len(want):] {
			if b != 0xa5 {
				t.Fatalf("SealChunk of %d bytes writes beyond its output", n)
			}
		}

		// Opened: after a chunk of the same length and of another, each in a way
		// of its own; apart, not yet whole, beyond a limit, in place.
		registers.FillZMM()
		for _, last := range []int{n, n + 1, max(0, n-1), 0} {
			got.last.Store(int32(last))
			registers.FillZMM()
			out := bytes.Repeat([]byte{0xa5}, n+64)
			behind := append(bytes.Clone(want), make([]byte, 64)...)
			opened, size, err := got.OpenChunk(out[:0:n+8], nonces, behind, n+9)
			if left := registers.LeftZMM(); left != 0 {
				t.Fatalf("OpenChunk of %d bytes leaves %#x in vector registers", n, left)
			}
			if err != nil || size != len(want) || !bytes.Equal(opened, payload) {
				t.Fatalf("OpenChunk of %d bytes after %d: size %d, %v", n, last, size, err)
			}
			for _, b := range out[n:] {
				if b != 0xa5 {
					t.Fatalf("OpenChunk of %d bytes after %d writes beyond its output", n, last)
				}
			}
			if n > 0 && int(got.last.Load()) != n {
				t.Fatalf("OpenChunk of %d bytes after %d expects %d next", n, last, got.last.Load())
			}
			// Forged: each bit of the length and its tag, one of the payload.
			got.last.Store(int32(last))
			for _, bit := range []int{s.intN(16), 16 + s.intN(128), 144 + s.intN(8*(n+tagSize))} {
				clear(out)
				behind[bit/8] ^= 1 << (bit % 8)
				if opened, _, err := got.OpenChunk(out[:0:n+8], nonces, behind, n+9); err == nil || opened != nil {
					t.Fatalf("OpenChunk of %d bytes after %d: forged bit %d is accepted", n, last, bit)
				}
				behind[bit/8] ^= 1 << (bit % 8)
				if !bytes.Equal(out, make([]byte, n+64)) {
					t.Fatalf("OpenChunk of %d forged bytes after %d leaves plaintext", n, last)
				}
			}
		}
		opened, size, err := got.OpenChunk([]byte("before"), nonces, append(want, "behind"...), n)
		if err != nil || size != len(want) || string(opened[:6]) != "before" || !bytes.Equal(opened[6:], payload) {
			t.Fatalf("OpenChunk of %d bytes: size %d, %v", n, size, err)
		}
		opened, size, err = got.OpenChunk(nil, nonces, want[:len(want)-1], n)
		if err != nil || size != len(want) || opened != nil {
			t.Fatalf("OpenChunk of %d bytes without the last: %d bytes, size %d, %v", n, len(opened), size, err)
		}
		opened, size, err = got.OpenChunk(nil, nonces, want, n-1)
		if err != nil || size != len(want) || opened != nil {
			t.Fatalf("OpenChunk of %d bytes, one beyond the limit: %d bytes, size %d, %v", n, len(opened), size, err)
		}
		bad := bytes.Clone(want)
		bad[s.intN(len(bad))] ^= 1 << s.intN(8)
		out := make([]byte, n)
		if opened, _, err = got.OpenChunk(out[:0], nonces, bad, n); err == nil || opened != nil {
			t.Fatalf("OpenChunk of %d bytes: forgery is accepted", n)
		}
		if !bytes.Equal(out, make([]byte, n)) {
			t.Fatalf("OpenChunk of a forgery of %d bytes leaves plaintext", n)
		}
		registers.FillZMM()
		opened, _, err = got.OpenChunk(buf[chunkHeadroom:chunkHeadroom], nonces, buf[:len(want)], n)
		if err != nil || !bytes.Equal(opened, payload) {
			t.Fatalf("OpenChunk of %d bytes in place: %v", n, err)
		}
	}
}

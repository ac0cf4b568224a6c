//go:build unix && !purego

package chachapoly

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// A guarded is memory between two pages that must not be touched.
type guarded []byte

func newGuarded(t *testing.T, pages int) guarded {
	t.Helper()
	size := unix.Getpagesize()
	m, err := unix.Mmap(-1, 0, (pages+2)*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(m); err != nil {
			t.Error(err)
		}
	})
	for _, edge := range [][]byte{m[:size], m[len(m)-size:]} {
		if err := unix.Mprotect(edge, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return guarded(m[size : len(m)-size : len(m)-size])
}

// last are the last n bytes: behind them there is nothing.
func (g guarded) last(n int) []byte { return g[len(g)-n:] }

// first are the first n bytes: before them there is nothing.
func (g guarded) first(n int) []byte { return g[:n:n] }

func TestGuardPages(t *testing.T) {
	all(t)
	s := newSource(8)
	in, out, additional, nonces := newGuarded(t, 3), newGuarded(t, 3), newGuarded(t, 1), newGuarded(t, 1)
	var sizes []int
	for n := range 3300 {
		sizes = append(sizes, n)
	}
	for n := 3300; n < 8100; n += 61 {
		sizes = append(sizes, n)
	}
	for i, n := range sizes {
		if i%5 != 0 && raceEnabled {
			continue
		}
		a := s.intN(200)
		for _, edge := range []func(guarded, int) []byte{guarded.last, guarded.first} {
			p := s.pair(t)
			plain, nonce, ad := edge(in, n), edge(nonces, nonceSize), edge(additional, a)
			s.Read(plain)
			s.Read(nonce)
			s.Read(ad)
			want := p.want.Seal(nil, nonce, plain, ad)
			sealed := p.got.Seal(edge(out, n+tagSize)[:0], nonce, plain, ad)
			if !bytes.Equal(sealed, want) {
				t.Fatalf("Seal of %d bytes between guard pages: wrong", n)
			}
			clear(plain)
			if _, err := p.got.Open(plain[:0], nonce, sealed, ad); err != nil || !bytes.Equal(p.want.Seal(nil, nonce, plain, ad), want) {
				t.Fatalf("Open of %d bytes between guard pages: %v", n, err)
			}
			key := edge(nonces, 2*nonceSize)
			s.Read(key)
			got := p.got.(*AEAD).SealChunk(edge(out, n+chunkOverhead)[:0], key, plain)
			clear(plain)
			if _, _, err := p.got.(*AEAD).OpenChunk(plain[:0], key, got, n); err != nil {
				t.Fatalf("OpenChunk of %d bytes between guard pages: %v", n, err)
			}
		}
	}
}

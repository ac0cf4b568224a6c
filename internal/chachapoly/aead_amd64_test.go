//go:build !purego

package chachapoly

import (
	"bytes"
	"testing"
)

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

func TestOverlap(t *testing.T) {
	all(t)
	s := newSource(7)
	p := s.pair(t)
	nonce := s.bytes(nonceSize)
	buf := make([]byte, 2100)
	const center = 700
	for _, n := range []int{1, 16, 100, 333} {
		sealed := p.want.Seal(nil, nonce, make([]byte, n), nil)
		for d := -n - 40; d <= n+40; d++ {
			in := buf[center+d : center+d+n]
			refused := d != 0 && d < n+tagSize && d > -n
			if got := panics(func() { p.got.Seal(buf[center:center], nonce, in, nil) }); got != refused {
				t.Fatalf("Seal of %d bytes from distance %d: panics %t, want %t", n, d, got, refused)
			}
			in = buf[center+d : center+d+n+tagSize]
			copy(in, sealed)
			refused = d != 0 && d < n && d > -n
			if got := panics(func() { p.got.Open(buf[center:center], nonce, in, nil) }); got != refused {
				t.Fatalf("Open of %d bytes from distance %d: panics %t, want %t", n, d, got, refused)
			}
			in = buf[center+d : center+d+n]
			refused = d != chunkHeadroom && d < n+chunkOverhead && d > -n
			if got := panics(func() { p.got.(*AEAD).SealChunk(buf[center:center], make([]byte, 24), in) }); got != refused {
				t.Fatalf("SealChunk of %d bytes from distance %d: panics %t, want %t", n, d, got, refused)
			}
		}
		ad := buf[center+n-1 : center+n]
		if !panics(func() { p.got.Seal(buf[center:center], nonce, make([]byte, n), ad) }) {
			t.Fatalf("Seal of %d bytes over the additional data does not panic", n)
		}
	}
}

// What is handed over is the same, and so are its errors.
func TestHandOver(t *testing.T) {
	all(t)
	s := newSource(10)
	everything := [2]span{{0, 1 << 20}}
	others = choice{seal: everything, open: everything}
	for n := range 500 {
		p := s.pair(t)
		nonce, plain, ad := s.bytes(nonceSize), s.bytes(n), s.bytes(n%20)
		sealed := p.got.Seal(nil, nonce, plain, ad)
		if !bytes.Equal(sealed, p.want.Seal(nil, nonce, plain, ad)) {
			t.Fatalf("Seal of %d bytes, handed over: wrong", n)
		}
		if opened, err := p.got.Open(nil, nonce, sealed, ad); err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("Open of %d bytes, handed over: %v", n, err)
		}
		sealed[0] ^= 1
		if _, err := p.got.Open(nil, nonce, sealed, ad); err != errOpen {
			t.Fatalf("Open of a forgery of %d bytes, handed over: %v, want %v", n, err, errOpen)
		}
	}
}

func TestWrongLengths(t *testing.T) {
	skipWithout(t)
	if _, err := New(make([]byte, 31)); err == nil {
		t.Error("New takes a key of 31 bytes")
	}
	if _, err := NewX(make([]byte, 33)); err == nil {
		t.Error("NewX takes a key of 33 bytes")
	}
	for _, b := range append(Backends(), BackendsX()...) {
		if a, err := b.New(make([]byte, 16)); a != nil || err == nil {
			t.Errorf("%s: New of 16 bytes = %v, %v, want nil and an error", b.Name, a, err)
		}
	}
	a, err := New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	x, err := NewX(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(){
		"Seal":       func() { a.Seal(nil, make([]byte, 11), nil, nil) },
		"Open":       func() { a.Open(nil, make([]byte, 13), make([]byte, 16), nil) },
		"SealX":      func() { x.Seal(nil, make([]byte, 12), nil, nil) },
		"OpenX":      func() { x.Open(nil, make([]byte, 12), make([]byte, 16), nil) },
		"SealChunk":  func() { a.SealChunk(nil, make([]byte, 23), nil) },
		"OpenChunk":  func() { a.OpenChunk(nil, make([]byte, 12), make([]byte, 18), 9) },
		"short":      func() { a.OpenChunk(nil, make([]byte, 24), make([]byte, 17), 9) },
		"long chunk": func() { a.SealChunk(nil, make([]byte, 24), make([]byte, maxPayload+1)) },
	} {
		if !panics(f) {
			t.Errorf("%s with a wrong length does not panic", name)
		}
	}
}

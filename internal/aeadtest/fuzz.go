package aeadtest

import (
	"bytes"
	"testing"
)

// Fuzz lets f look for a key and a record that newAEAD treats otherwise than
// the reference, or than arithmetic on big integers if it is short.
func Fuzz(f *testing.F, s Suite, newAEAD New) {
	f.Add([]byte("key"), []byte("nonce"), []byte("text"), []byte("additional data"), uint16(0))
	f.Add([]byte{}, bytes.Repeat([]byte{255}, 24), make([]byte, 1800), []byte{}, uint16(1))
	f.Add(bytes.Repeat([]byte{255}, 32), []byte{}, bytes.Repeat([]byte{255}, 600), make([]byte, 17), uint16(700))
	f.Fuzz(func(t *testing.T, key, nonce, plain, ad []byte, bit uint16) {
		fit := func(b []byte, n int) []byte { return append(bytes.Clone(b), make([]byte, n)...)[:n] }
		p, err := (&subject{suite: s, newAEAD: newAEAD}).pair(fit(key, s.KeySize))
		if err != nil {
			t.Skip(err)
		}
		nonce = fit(nonce, s.NonceSize)
		sealed := p.want.Seal(nil, nonce, plain, ad)
		if err := p.compare(nonce, plain, ad, sealed); err != nil {
			t.Fatal(err)
		}
		if len(plain)+len(ad) < 256 {
			if slow := s.slow(p.key, nonce).seal(plain, ad); !bytes.Equal(slow, sealed) {
				t.Fatalf("big integers say %x, want %x", slow, sealed)
			}
		}
		if err := p.refuses(flip(sealed, int(bit)%(8*len(sealed))), nonce, ad); err != nil {
			t.Fatalf("bit %d flipped: %v", bit, err)
		}
	})
}

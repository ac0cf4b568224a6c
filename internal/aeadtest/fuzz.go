package aeadtest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/headrace-go/headrace/internal/fused"
)

// Fuzz lets f look for a key and a record, or a chunk, that newAEAD treats
// otherwise than the reference, or than arithmetic on big integers if it is
// short.
func Fuzz(f *testing.F, s Suite, newAEAD New) {
	seed(f)
	f.Fuzz(func(t *testing.T, key, nonce, plain, ad []byte, bit uint16) {
		p, err := (&subject{suite: s, newAEAD: newAEAD}).pair(fit(key, s.KeySize))
		if errors.Is(err, errCannot) {
			t.Skipf("nothing to compare %s with: %v", s.Name, err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := p.record(s, fit(nonce, s.NonceSize), plain, ad, int(bit)); err != nil {
			t.Fatal(err)
		}
		if len(plain) > fused.MaxPayload || s.NonceSize != fused.NonceSize {
			return
		}
		if err := p.chunk(fit(nonce, 2*fused.NonceSize), plain, int(bit)); err != nil {
			t.Fatal(err)
		}
	})
}

// seed gives f a record for each way that kernels have: lengths about their
// vectors, turns, passes and segments, and additional data about its blocks.
func seed(f *testing.F) {
	f.Add([]byte("key"), []byte("nonce"), []byte("text"), []byte("additional data"), uint16(0))
	f.Add([]byte{}, bytes.Repeat([]byte{255}, 24), make([]byte, 1800), []byte{}, uint16(1))
	f.Add(bytes.Repeat([]byte{255}, 32), []byte{}, bytes.Repeat([]byte{255}, 600), make([]byte, 17), uint16(700))
	src := newSource(12)
	for i, n := range []int{
		0, 1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 192, 193, 255, 256, 311, 350, 511, 512, 513, 600, 1023, 1024, 1279, 1280,
		1350, 1407, 1408, 1535, 1536, 1537, 1568, 1569, 2033, 2048, 2049, 3072, 4096, 4097, 6144, 16383, 16384, 65535, 65536, 65537,
	} {
		ad := []int{0, 1, 13, 16, 17, 32, 64, 272}[i%8]
		f.Add(src.bytes(32), src.bytes(24), src.bytes(n), src.bytes(ad), uint16(src.Uint64()))
	}
}

func fit(b []byte, n int) []byte { return append(bytes.Clone(b), make([]byte, n)...)[:n] }

func (p pair) record(s Suite, nonce, plain, ad []byte, bit int) error {
	sealed := p.want.Seal(nil, nonce, plain, ad)
	if err := p.compare(nonce, plain, ad, sealed); err != nil {
		return err
	}
	if len(plain)+len(ad) < 256 {
		if slow := s.slow(p.key, nonce).seal(plain, ad); !bytes.Equal(slow, sealed) {
			return fmt.Errorf("big integers say %x, want %x", slow, sealed)
		}
	}
	if err := p.refuses(flip(sealed, bit%(8*len(sealed))), nonce, ad); err != nil {
		return fmt.Errorf("bit %d flipped: %w", bit, err)
	}
	return nil
}

func (p pair) chunk(nonces, payload []byte, bit int) error {
	sealer, opener := fusedOf(p)
	chunk := p.twoCalls(nonces, payload)
	room := newRoom(len(chunk))
	if sealer != nil {
		if err := sealChunk(sealer, room, bit%64, nonces, payload, chunk); err != nil {
			return fmt.Errorf("its SealChunk of %d bytes: %w", len(payload), err)
		}
	}
	if opener == nil {
		return nil
	}
	if err := openChunk(opener, room, bit%64, nonces, chunk, payload); err != nil {
		return fmt.Errorf("its OpenChunk of %d bytes: %w", len(payload), err)
	}
	out := make([]byte, len(payload))
	got, _, err := opener.OpenChunk(out[:0], nonces, flip(chunk, bit%(8*len(chunk))), fused.MaxPayload)
	if err == nil || got != nil {
		return fmt.Errorf("its OpenChunk with bit %d flipped = %d bytes, %v, want nil and an error", bit, len(got), err)
	}
	if err := cleared(out, make([]byte, len(out))); err != nil {
		return fmt.Errorf("chunk with bit %d flipped: %w", bit, err)
	}
	return nil
}

//go:build !purego

package chachapoly

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// rivals are ours and golang.org/x/crypto's.
func rivals(b *testing.B, f func(b *testing.B, a cipher.AEAD)) {
	skipWithout(b)
	key := make([]byte, keySize)
	std, err := chacha20poly1305.New(key)
	if err != nil {
		b.Fatal(err)
	}
	ours, err := New(key)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("impl=std", func(b *testing.B) { f(b, std) })
	b.Run("impl=ours", func(b *testing.B) { f(b, ours) })
}

var sizes = []int{64, 350, 1350, 4096, 16384}

func BenchmarkSeal(b *testing.B) {
	rivals(b, func(b *testing.B, a cipher.AEAD) {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("size=%d", n), func(b *testing.B) {
				buf, nonce := make([]byte, n+tagSize), make([]byte, nonceSize)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					a.Seal(buf[:0], nonce, buf[:n], nil)
				}
			})
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	rivals(b, func(b *testing.B, a cipher.AEAD) {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("size=%d", n), func(b *testing.B) {
				out, nonce := make([]byte, n), make([]byte, nonceSize)
				sealed := a.Seal(nil, nonce, out, nil)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := a.Open(out[:0], nonce, sealed, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

func BenchmarkSealChunk(b *testing.B) {
	rivals(b, func(b *testing.B, a cipher.AEAD) {
		const n = 1350
		buf, nonces := make([]byte, n+chunkOverhead), make([]byte, 2*nonceSize)
		b.SetBytes(n)
		b.ReportAllocs()
		for b.Loop() {
			if ours, ok := a.(*AEAD); ok {
				ours.SealChunk(buf[:0], nonces, buf[chunkHeadroom:chunkHeadroom+n])
				continue
			}
			binary.BigEndian.PutUint16(buf, n)
			a.Seal(buf[:0], nonces[:nonceSize], buf[:lengthSize], nil)
			a.Seal(buf[chunkHeadroom:chunkHeadroom], nonces[nonceSize:], buf[chunkHeadroom:chunkHeadroom+n], nil)
		}
	})
}

func BenchmarkOpenChunk(b *testing.B) {
	rivals(b, func(b *testing.B, a cipher.AEAD) {
		const n = 1350
		payload, nonces := make([]byte, n), make([]byte, 2*nonceSize)
		sealed := a.Seal(nil, nonces[:nonceSize], binary.BigEndian.AppendUint16(nil, n), nil)
		sealed = a.Seal(sealed, nonces[nonceSize:], payload, nil)
		var length [lengthSize]byte
		b.SetBytes(n)
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if ours, ok := a.(*AEAD); ok {
				_, _, err = ours.OpenChunk(payload[:0], nonces, sealed, n)
			} else if _, err = a.Open(length[:0], nonces[:nonceSize], sealed[:chunkHeadroom], nil); err == nil {
				_, err = a.Open(payload[:0], nonces[nonceSize:], sealed[chunkHeadroom:], nil)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkNew(b *testing.B) {
	skipWithout(b)
	key := make([]byte, keySize)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(key); err != nil {
			b.Fatal(err)
		}
	}
}

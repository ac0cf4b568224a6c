package aesgcm_test

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"testing"

	"github.com/headrace-go/headrace/internal/aesgcm"
)

func stdGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// implementations returns the standard library's and all backends.
func implementations() []aesgcm.Backend {
	return append([]aesgcm.Backend{{Name: "std", New: stdGCM}}, aesgcm.Backends()...)
}

func benchmark(b *testing.B, f func(b *testing.B, a cipher.AEAD, size int)) {
	for _, bits := range []int{128, 256} {
		for _, size := range []int{64, 350, 1350, 4096, 16384} {
			for _, impl := range implementations() {
				b.Run(fmt.Sprintf("bits=%d/size=%d/impl=%s", bits, size, impl.Name), func(b *testing.B) {
					if impl.Unavailable != "" {
						b.Skipf("%s cannot run here: %s", impl.Name, impl.Unavailable)
					}
					a, err := impl.New(make([]byte, bits/8))
					if err != nil {
						b.Fatal(err)
					}
					b.SetBytes(int64(size))
					b.ReportAllocs()
					f(b, a, size)
				})
			}
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	benchmark(b, func(b *testing.B, a cipher.AEAD, size int) {
		// Not in place: text that has just been sealed would be waited for.
		text, out := make([]byte, size), make([]byte, 0, size+16)
		nonce, additional := make([]byte, 12), make([]byte, 13)
		for b.Loop() {
			a.Seal(out, nonce, text, additional)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	benchmark(b, func(b *testing.B, a cipher.AEAD, size int) {
		nonce, additional := make([]byte, 12), make([]byte, 13)
		sealed := a.Seal(nil, nonce, make([]byte, size), additional)
		out := make([]byte, 0, size)
		for b.Loop() {
			if _, err := a.Open(out, nonce, sealed, additional); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkChunk seals chunks of Shadowsocks, two records each.
func BenchmarkChunk(b *testing.B) {
	benchmark(b, func(b *testing.B, a cipher.AEAD, size int) {
		buf, nonces := make([]byte, 18+size+16), make([]byte, 24)
		chunks, ok := a.(interface {
			SealChunk(dst, nonces, payload []byte) []byte
		})
		for b.Loop() {
			if ok {
				chunks.SealChunk(buf[:0], nonces, buf[18:18+size])
			} else {
				a.Seal(buf[:0], nonces[:12], buf[:2], nil)
				a.Seal(buf[18:18], nonces[12:], buf[18:18+size], nil)
			}
		}
	})
}

// BenchmarkNew makes a key and uses it once, so that what is made late counts.
func BenchmarkNew(b *testing.B) {
	for _, bits := range []int{128, 256} {
		for _, impl := range implementations() {
			b.Run(fmt.Sprintf("bits=%d/impl=%s", bits, impl.Name), func(b *testing.B) {
				if impl.Unavailable != "" {
					b.Skipf("%s cannot run here: %s", impl.Name, impl.Unavailable)
				}
				key, nonce, out := make([]byte, bits/8), make([]byte, 12), make([]byte, 0, 64)
				b.ReportAllocs()
				for b.Loop() {
					a, err := impl.New(key)
					if err != nil {
						b.Fatal(err)
					}
					a.Seal(out, nonce, nonce, nil)
				}
			})
		}
	}
}

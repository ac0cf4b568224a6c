package aead_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// BenchmarkWrapper is what a Sealer and an Opener cost beside an AEAD that is
// called directly, with a counter in place of their nonces.
func BenchmarkWrapper(b *testing.B) {
	for _, suite := range []aead.Suite{aead.AES256GCM, aead.ChaCha20Poly1305} {
		a := mustAEAD(b, suite)
		for _, size := range []int{2, 16, 64, 127, 350, 1350, 4096, 16383} {
			plain := make([]byte, size)
			buf := make([]byte, 0, size+aead.TagSize)
			name := func(op, impl string) string {
				return fmt.Sprintf("op=%s/suite=%v/impl=%s/size=%d", op, suite, impl, size)
			}
			b.Run(name("seal", "direct"), func(b *testing.B) {
				nonce := make([]byte, a.NonceSize())
				var n uint64
				for b.Loop() {
					binary.LittleEndian.PutUint64(nonce, n)
					n++
					a.Seal(buf, nonce, plain, nil)
				}
			})
			b.Run(name("seal", "ours"), func(b *testing.B) {
				s := mustSealer(b, a)
				for b.Loop() {
					if _, err := s.Seal(buf, plain, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
			const many = 64
			var records [many][]byte
			s := mustSealer(b, a)
			for i := range records {
				records[i], _ = s.Seal(nil, plain, nil)
			}
			b.Run(name("open", "direct"), func(b *testing.B) {
				nonce := make([]byte, a.NonceSize())
				var n uint64
				for b.Loop() {
					binary.LittleEndian.PutUint64(nonce, n%many)
					if _, err := a.Open(buf, nonce, records[n%many], nil); err != nil {
						b.Fatal(err)
					}
					n++
				}
			})
			b.Run(name("open", "ours"), func(b *testing.B) {
				var n uint64
				o := mustOpener(b, a)
				for b.Loop() {
					if n%many == 0 && n > 0 {
						aead.Rewind(o)
					}
					if _, err := o.Open(buf, records[n%many], nil); err != nil {
						b.Fatal(err)
					}
					n++
				}
			})
		}
	}
}

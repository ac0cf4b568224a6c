package aead_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/headrace-go/headrace/aead"
)

// BenchmarkWrapper is what a Sealer and an Opener cost beside an AEAD that is
// called directly, with a counter in place of their nonces. The two take turns,
// and the fastest turn of each counts, so that others on the machine matter
// little; ns/op is both together, and means nothing. With HEADRACE_AEAD=std the
// AEAD is the standard library's.
func BenchmarkWrapper(b *testing.B) {
	for _, suite := range []aead.Suite{aead.AES256GCM, aead.ChaCha20Poly1305} {
		a := mustAEAD(b, suite)
		for _, size := range []int{2, 16, 64, 127, 350, 1350, 4096, 16383} {
			const many = 64
			plain := make([]byte, size)
			buf := make([]byte, 0, size+aead.TagSize)
			nonce := make([]byte, a.NonceSize())
			var records [many][]byte
			s := mustSealer(b, a)
			for i := range records {
				records[i], _ = s.Seal(nil, plain, nil)
			}
			b.Run(fmt.Sprintf("op=seal/suite=%v/size=%d", suite, size), func(b *testing.B) {
				var n uint64
				turns(b, many, func() {
					for range many {
						binary.LittleEndian.PutUint64(nonce, n)
						n++
						a.Seal(buf, nonce, plain, nil)
					}
				}, func() {
					for range many {
						if _, err := s.Seal(buf, plain, nil); err != nil {
							b.Fatal(err)
						}
					}
				})
			})
			b.Run(fmt.Sprintf("op=open/suite=%v/size=%d", suite, size), func(b *testing.B) {
				o := mustOpener(b, a)
				turns(b, many, func() {
					for i := range records {
						binary.LittleEndian.PutUint64(nonce, uint64(i))
						if _, err := a.Open(buf, nonce, records[i], nil); err != nil {
							b.Fatal(err)
						}
					}
				}, func() {
					aead.Rewind(o)
					for i := range records {
						if _, err := o.Open(buf, records[i], nil); err != nil {
							b.Fatal(err)
						}
					}
				})
			})
		}
	}
}

// turns times many operations of each kind, by turns, and reports the fastest
// turn of each, per operation, and the difference.
func turns(b *testing.B, many int, direct, ours func()) {
	best := [2]float64{math.Inf(1), math.Inf(1)}
	for b.Loop() {
		for i, f := range []func(){direct, ours} {
			start := time.Now()
			f()
			best[i] = min(best[i], float64(time.Since(start).Nanoseconds())/float64(many))
		}
	}
	b.ReportMetric(best[0], "direct-ns/op")
	b.ReportMetric(best[1], "ours-ns/op")
	b.ReportMetric(best[1]-best[0], "more-ns/op")
}

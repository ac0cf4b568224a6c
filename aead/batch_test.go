package aead_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// A fourAEAD has four records in one call, as the wide kernels do, whatever
// this processor can, and refuses every third time.
type fourAEAD struct {
	cipher.AEAD
	calls, refused int
}

func (f *fourAEAD) Fours() bool { return true }

func (f *fourAEAD) refuses() bool {
	if f.calls++; f.calls%3 == 0 {
		f.refused++
		return true
	}
	return false
}

func (f *fourAEAD) SealFour(out, in [4][]byte, nonces [48]byte) bool {
	if f.refuses() {
		return false
	}
	for i := range 4 {
		f.Seal(out[i][:0], nonces[12*i:12*i+12], in[i], nil)
	}
	return true
}

func (f *fourAEAD) OpenFour(out, in [4][]byte, nonces [48]byte) (int, bool) {
	if f.refuses() {
		return 0, false
	}
	opened := 4
	for i := range 4 {
		_, err := f.Open(out[i][:0], nonces[12*i:12*i+12], in[i], nil)
		if err != nil {
			opened = min(opened, i)
		}
		if opened < 4 {
			clear(out[i])
		}
	}
	return opened, true
}

// mixed is n records, most of them short: in place, apart, behind something
// else, and without capacity, by turns.
func mixed(rng *rand.Rand, n, headroom int) []aead.Record {
	records := make([]aead.Record, n)
	for i := range records {
		size := rng.IntN(390)
		if rng.IntN(30) == 0 {
			size = rng.IntN(3000)
		}
		buf := make([]byte, 10+headroom+size, 10+headroom+size+aead.TagSize)
		text := buf[10+headroom:]
		for j := range text {
			text[j] = byte(rng.Uint32())
		}
		r := &records[i]
		switch r.In = text; i % 4 {
		case 0:
			r.Dst = buf[10:10]
		case 1:
			r.Dst = make([]byte, 7, 7+headroom+size+aead.TagSize)
		case 2:
			r.Dst = []byte("no room")[:7:7]
		}
		if rng.IntN(40) == 0 {
			r.AdditionalData = []byte("additional")
		}
	}
	return records
}

// TestMixedBatchIsOneByOne: byte for byte, whatever the lengths; and so is what is
// opened, up to the first record that is forged.
func TestMixedBatchIsOneByOne(t *testing.T) {
	sequences := map[string]func(size int) aead.Sequence{
		"little endian": func(int) aead.Sequence { return aead.LittleEndian(0xFE) },
		"big endian":    func(int) aead.Sequence { return aead.BigEndian(0xFFFE) },
		"static IV":     func(n int) aead.Sequence { return aead.StaticIV(randomBytes(1, n), 0xFE) },
	}
	for _, suite := range allSuites {
		for name, sequence := range sequences {
			for _, fake := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v/%s/%v", suite, name, fake), func(t *testing.T) {
					a := mustAEAD(t, suite)
					if fake {
						a = &fourAEAD{AEAD: &recorder{AEAD: a}}
					}
					seq := sequence(a.NonceSize())
					rng := rand.New(rand.NewPCG(1, 2))
					for _, n := range []int{0, 1, 3, 4, 5, 8, 60, 200} {
						records := mixed(rng, n, 0)
						var want []aead.Record
						single, err := aead.NewSealer(a, seq)
						if err != nil {
							t.Fatal(err)
						}
						for _, r := range records {
							sealed, err := single.Seal(bytes.Clone(r.Dst), bytes.Clone(r.In), r.AdditionalData)
							if err != nil {
								t.Fatal(err)
							}
							want = append(want, aead.Record{Dst: sealed, In: bytes.Clone(r.In), AdditionalData: r.AdditionalData})
						}
						s, err := aead.NewSealer(a, seq)
						if err != nil {
							t.Fatal(err)
						}
						heads := make([]int, n)
						for i := range records {
							heads[i] = len(records[i].Dst)
						}
						if err := s.SealBatch(records); err != nil {
							t.Fatal(err)
						}
						for i := range records {
							if !bytes.Equal(records[i].Dst, want[i].Dst) {
								t.Fatalf("record %d of %d, %d bytes, differs", i, n, len(want[i].In))
							}
						}
						// Both go on with the same nonce.
						x, _ := s.Seal(nil, []byte("next"), nil)
						y, _ := single.Seal(nil, []byte("next"), nil)
						if !bytes.Equal(x, y) {
							t.Fatalf("after %d records the nonces differ", n)
						}
						forged := rng.IntN(n + 1)
						for i := range records {
							sealed := bytes.Clone(records[i].Dst[heads[i]:])
							if i == forged {
								sealed[rng.IntN(len(sealed))] ^= 1 << rng.IntN(8)
							}
							records[i].In, records[i].Dst = sealed, nil
							if i%2 == 0 {
								records[i].Dst = sealed[:0]
							}
						}
						o, err := aead.NewOpener(a, seq)
						if err != nil {
							t.Fatal(err)
						}
						got, err := o.OpenBatch(records)
						if got != forged || (forged < n) != errors.Is(err, aead.ErrOpen) {
							t.Fatalf("OpenBatch with record %d of %d forged = %d, %v", forged, n, got, err)
						}
						for i := range got {
							if !bytes.Equal(records[i].Dst, want[i].In) {
								t.Fatalf("opened record %d of %d differs", i, n)
							}
						}
						if forged < n {
							if _, err := o.Open(nil, x, nil); !errors.Is(err, aead.ErrOpen) {
								t.Errorf("Open after a forged record = %v", err)
							}
							continue
						}
						if next, err := o.Open(nil, x, nil); err != nil || string(next) != "next" {
							t.Fatalf("the record after %d in a batch: %q, %v", n, next, err)
						}
					}
					if f, ok := a.(*fourAEAD); ok && a.NonceSize() == 12 && (f.calls < 20 || f.refused < 5) {
						t.Errorf("%d batches of four, %d refused: too few to tell", f.calls, f.refused)
					}
				})
			}
		}
	}
}

// TestBatchAtTheLimit: what a key's limit, or the last nonce, allows is opened
// one by one.
func TestBatchAtTheLimit(t *testing.T) {
	a := &fourAEAD{AEAD: mustAEAD(t, aead.AES128GCM)}
	for _, tt := range []struct {
		seq  aead.Sequence
		want int
	}{
		{aead.LittleEndian(0).MaxRecords(6), 6},
		{aead.LittleEndian(0).MaxBytes(650), 6},
	} {
		s, err := aead.NewSealer(a, aead.LittleEndian(0))
		if err != nil {
			t.Fatal(err)
		}
		records := make([]aead.Record, 8)
		for i := range records {
			records[i].In = make([]byte, 100)
		}
		if err := s.SealBatch(records); err != nil {
			t.Fatal(err)
		}
		for i := range records {
			records[i].In, records[i].Dst = records[i].Dst, nil
		}
		o, err := aead.NewOpener(a, tt.seq)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := o.OpenBatch(records); n != tt.want || !errors.Is(err, aead.ErrKeyLimit) {
			t.Errorf("OpenBatch = %d, %v, want %d, %v", n, err, tt.want, aead.ErrKeyLimit)
		}
	}
}

// BenchmarkBatch seals and opens 64 records, one by one and as a batch.
func BenchmarkBatch(b *testing.B) {
	for _, suite := range []aead.Suite{aead.AES128GCM, aead.AES256GCM} {
		for _, size := range []int{16, 64, 200, 350, 384} {
			a := mustAEAD(b, suite)
			const many = 64
			var records, sealed [many]aead.Record
			for i := range records {
				buf := make([]byte, 512)
				records[i] = aead.Record{Dst: buf[:0], In: make([]byte, size, 512)}
			}
			bench := func(op, impl string, f func(b *testing.B)) {
				b.Run(fmt.Sprintf("op=%s/suite=%v/size=%d/impl=%s", op, suite, size, impl), func(b *testing.B) {
					f(b)
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(many*b.N), "ns/record")
				})
			}
			bench("seal", "one", func(b *testing.B) {
				s := mustSealer(b, a)
				for b.Loop() {
					for i := range records {
						if _, err := s.Seal(records[i].Dst[:0], records[i].In, nil); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
			bench("seal", "batch", func(b *testing.B) {
				s := mustSealer(b, a)
				for b.Loop() {
					for i := range records {
						records[i].Dst = records[i].Dst[:0]
					}
					if err := s.SealBatch(records[:]); err != nil {
						b.Fatal(err)
					}
				}
			})
			for i := range records {
				records[i].Dst = records[i].Dst[:0]
			}
			if err := mustSealer(b, a).SealBatch(records[:]); err != nil {
				b.Fatal(err)
			}
			for i := range records {
				sealed[i] = aead.Record{In: records[i].Dst, Dst: records[i].In[:0]}
			}
			bench("open", "one", func(b *testing.B) {
				o := mustOpener(b, a)
				for b.Loop() {
					aead.Rewind(o)
					for i := range sealed {
						if _, err := o.Open(sealed[i].Dst[:0], sealed[i].In, nil); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
			bench("open", "batch", func(b *testing.B) {
				o := mustOpener(b, a)
				for b.Loop() {
					aead.Rewind(o)
					for i := range sealed {
						sealed[i].Dst = sealed[i].Dst[:0]
					}
					if _, err := o.OpenBatch(sealed[:]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

package aead_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"math"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// A fusedAEAD has chunks in one call, as the wide kernels do, whatever this
// processor can. It counts its calls.
type fusedAEAD struct {
	cipher.AEAD
	seals, opens int
}

func (f *fusedAEAD) SealChunk(dst, nonces, payload []byte) []byte {
	f.seals++
	sealed := f.AEAD.Seal(nil, nonces[12:24], payload, nil)
	dst = f.AEAD.Seal(dst, nonces[:12], []byte{byte(len(payload) >> 8), byte(len(payload))}, nil)
	return append(dst, sealed...)
}

func (f *fusedAEAD) OpenChunk(dst, nonces, src []byte, limit int) ([]byte, int, error) {
	f.opens++
	length, err := f.AEAD.Open(nil, nonces[:12], src[:aead.ChunkHeadroom], nil)
	if err != nil {
		return nil, 0, err
	}
	n := int(length[0])<<8 | int(length[1])
	size := n + aead.ChunkOverhead
	if n > limit || size > len(src) {
		return nil, size, nil
	}
	out, err := f.AEAD.Open(dst, nonces[12:24], src[aead.ChunkHeadroom:size], nil)
	return out, size, err
}

func TestFusedChunksAreTwoCalls(t *testing.T) {
	for _, suite := range []aead.Suite{aead.AES128GCM, aead.ChaCha20Poly1305} {
		a := mustAEAD(t, suite)
		f := &fusedAEAD{AEAD: a}
		for name, seq := range map[string]aead.Sequence{
			"little endian": aead.LittleEndian(0xFE),
			"static IV":     aead.StaticIV(randomBytes(1, 12), 0xFFFE),
		} {
			plainSealer, err := aead.NewSealer(&recorder{AEAD: a}, seq) // hides what a may have
			if err != nil {
				t.Fatal(err)
			}
			s, err := aead.NewSealer(f, seq)
			if err != nil {
				t.Fatal(err)
			}
			o, err := aead.NewOpener(f, seq)
			if err != nil {
				t.Fatal(err)
			}
			var got, want, plain []byte
			for i, n := range payloadLengths() {
				p := randomBytes(uint64(i), n)
				plain = append(plain, p...)
				// Single records in between move the same nonces.
				if i%7 == 3 {
					p = p[:min(len(p), 100)]
					record, _ := s.Seal(nil, p, nil)
					other, _ := plainSealer.Seal(nil, p, nil)
					if _, err := o.Open(nil, record, nil); err != nil || !bytes.Equal(record, other) {
						t.Fatalf("%v, %s: record between chunks: %v", suite, name, err)
					}
					plain = plain[:len(plain)-n]
					continue
				}
				if got, err = s.SealChunk(got[:0], p); err != nil {
					t.Fatal(err)
				}
				if want, err = plainSealer.SealChunk(want[:0], p); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("%v, %s: chunk of %d bytes differs", suite, name, n)
				}
				// Piecewise: in part, then as a whole.
				for _, have := range []int{0, 17, 18, len(got) - 1} {
					if have >= len(got) {
						continue
					}
					out, size, err := o.OpenChunk(nil, got[:have:have], 0xFFFF)
					wantSize := len(got)
					if have < 18 {
						wantSize = 18
					}
					if len(out) != 0 || size != wantSize || err != nil {
						t.Fatalf("%v, %s: %d of %d bytes: size %d, %v", suite, name, have, len(got), size, err)
					}
					if i%2 == 0 {
						break // and sometimes in one go from the length on
					}
				}
				out, size, err := o.OpenChunk(nil, got, 0xFFFF)
				if err != nil || size != len(got) || !bytes.Equal(out, p) {
					t.Fatalf("%v, %s: OpenChunk of %d bytes: size %d, %v", suite, name, n, size, err)
				}
			}
		}
		if f.seals == 0 || f.opens == 0 {
			t.Error("chunks in one call were not used")
		}
	}
}

func TestFusedOpenerFailures(t *testing.T) {
	a := mustAEAD(t, aead.AES256GCM)
	wire := twinSeal(a, randomBytes(1, 30), randomBytes(2, 40))
	for bit := range 8 * len(wire) {
		forged := bytes.Clone(wire)
		forged[bit/8] ^= 1 << (bit % 8)
		want, _ := twinOpen(a, forged)
		o := mustOpener(t, &fusedAEAD{AEAD: a})
		got, err := openAll(t, o, forged, bit%2 == 0)
		if !errors.Is(err, aead.ErrOpen) || !bytes.Equal(got, want) {
			t.Fatalf("bit %d: %x, %v, want %x, ErrOpen", bit, got, err, want)
		}
		if _, _, err := o.OpenChunk(nil, wire, 100); !errors.Is(err, aead.ErrOpen) {
			t.Fatalf("bit %d: the Opener is not poisoned: %v", bit, err)
		}
	}
	for _, have := range []int{len(wire), 18} {
		o := mustOpener(t, &fusedAEAD{AEAD: a})
		for range 2 {
			if _, _, err := o.OpenChunk(nil, wire[:have], 29); !errors.Is(err, aead.ErrTooLong) {
				t.Errorf("payload over the limit, %d bytes there: %v", have, err)
			}
		}
	}
	for _, tt := range []struct {
		seq  aead.Sequence
		want int // bytes that come out
		err  error
	}{
		{aead.LittleEndian(0).MaxRecords(4), 70, nil},
		{aead.LittleEndian(0).MaxRecords(3), 30, aead.ErrKeyLimit},
		{aead.LittleEndian(0).MaxRecords(1), 0, aead.ErrKeyLimit},
		{aead.LittleEndian(0).MaxBytes(70), 70, nil},
		{aead.LittleEndian(0).MaxBytes(69), 30, aead.ErrKeyLimit},
		{aead.LittleEndian(0).MaxBytes(29), 0, aead.ErrKeyLimit},
	} {
		o, err := aead.NewOpener(&fusedAEAD{AEAD: a}, tt.seq)
		if err != nil {
			t.Fatal(err)
		}
		got, err := openAll(t, o, wire, false)
		if len(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("opened %d bytes, %v, want %d, %v", len(got), err, tt.want, tt.err)
		}
	}
}

func TestFusedNonceExhaustion(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	for left := range uint64(5) {
		f := &fusedAEAD{AEAD: a}
		seq := aead.LittleEndian(math.MaxUint64 - left)
		s, err := aead.NewSealer(f, seq)
		if err != nil {
			t.Fatal(err)
		}
		o, err := aead.NewOpener(f, seq)
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint64(4) {
			chunk, err := s.SealChunk(nil, []byte("data"))
			if i >= left/2 {
				if chunk != nil || !errors.Is(err, aead.ErrNonceExhausted) {
					t.Errorf("%d nonces left: chunk %d = %x, %v", left, i, chunk, err)
				}
				continue
			}
			if got, _, err := o.OpenChunk(nil, chunk, 100); err != nil || string(got) != "data" {
				t.Errorf("%d nonces left: OpenChunk %d = %q, %v", left, i, got, err)
			}
		}
		if uint64(f.seals) != left/2 {
			t.Errorf("%d nonces left, %d chunks sealed", left, f.seals)
		}
	}
}

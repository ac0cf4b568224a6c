package aead_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// payloadLengths are around every place where an implementation changes its
// way, and around the framing's limits.
func payloadLengths() []int {
	var out []int
	for n := range 70 {
		out = append(out, n)
	}
	for n := 128; n <= 0x4000; n *= 2 {
		out = append(out, n-1, n, n+1)
	}
	return append(out, 1350, 0x3FFE, 0xFFFF)
}

func TestSealChunkIsTwoSeals(t *testing.T) {
	for _, suite := range allSuites {
		t.Run(suite.String(), func(t *testing.T) {
			a := mustAEAD(t, suite)
			s := mustSealer(t, a)
			var payloads [][]byte
			var got []byte
			for i, n := range payloadLengths() {
				p := randomBytes(uint64(i), n)
				payloads = append(payloads, p)
				before := bytes.Clone(p)
				var err error
				if got, err = s.SealChunk(got, p); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(p, before) {
					t.Fatalf("SealChunk of %d bytes changed its payload", n)
				}
			}
			if !bytes.Equal(got, twinSeal(a, payloads...)) {
				t.Error("SealChunk differs from two Seals of the standard library")
			}
		})
	}
}

func TestSealChunkInPlace(t *testing.T) {
	for _, suite := range allSuites {
		a := mustAEAD(t, suite)
		s := mustSealer(t, a)
		var payloads [][]byte
		var wire []byte
		for i, n := range payloadLengths() {
			payload := randomBytes(uint64(i), n)
			payloads = append(payloads, bytes.Clone(payload))
			const margin = 64
			room := bytes.Repeat([]byte{0xA5}, margin+n+aead.ChunkOverhead+margin)
			slot := room[margin : len(room)-margin]
			copy(slot[aead.ChunkHeadroom:], payload)
			out, err := s.SealChunk(slot[:0], slot[aead.ChunkHeadroom:aead.ChunkHeadroom+n])
			if err != nil {
				t.Fatal(err)
			}
			if &out[0] != &slot[0] || len(out) != len(slot) {
				t.Fatalf("%v: SealChunk of %d bytes moved away", suite, n)
			}
			wire = append(wire, out...)
			canary := append(bytes.Clone(room[:margin]), room[len(room)-margin:]...)
			if !bytes.Equal(canary, bytes.Repeat([]byte{0xA5}, 2*margin)) {
				t.Fatalf("%v: SealChunk of %d bytes wrote outside its slot", suite, n)
			}
		}
		if !bytes.Equal(wire, twinSeal(a, payloads...)) {
			t.Errorf("%v: chunks sealed in place differ from the twin's", suite)
		}
	}
}

func TestSealChunkRefusesOverlap(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	for at := 0; at < 200; at++ {
		if at == aead.ChunkHeadroom {
			continue
		}
		buf := make([]byte, 400)
		payload := buf[at : at+100]
		want := at < aead.ChunkHeadroom+100+aead.ChunkTailroom
		if got := panics(func() { _, _ = mustSealer(t, a).SealChunk(buf[:0], payload) }); got != want {
			t.Errorf("payload %d bytes behind dst: panicked %v, want %v", at, got, want)
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestSealChunkTooLongPanics(t *testing.T) {
	s := mustSealer(t, mustAEAD(t, aead.AES128GCM))
	if !panics(func() { _, _ = s.SealChunk(nil, make([]byte, 0x10000)) }) {
		t.Error("SealChunk took 65536 bytes")
	}
}

// A recorder is an AEAD that notes its nonces.
type recorder struct {
	cipher.AEAD
	nonces []string
	fail   bool
}

func (r *recorder) Seal(dst, nonce, plaintext, ad []byte) []byte {
	r.nonces = append(r.nonces, string(nonce))
	if r.fail {
		panic("recorder: told to fail")
	}
	return r.AEAD.Seal(dst, nonce, plaintext, ad)
}

func TestNoNonceComesTwice(t *testing.T) {
	for _, suite := range []aead.Suite{aead.AES256GCM, aead.XChaCha20Poly1305} {
		rec := &recorder{AEAD: mustAEAD(t, suite)}
		s := mustSealer(t, rec)
		for i := range 600 {
			rec.fail = i%5 == 4
			// A Seal that panics has used up its nonce all the same.
			panics(func() {
				if i%2 == 0 {
					_, _ = s.Seal(nil, []byte("x"), nil)
				} else {
					_, _ = s.SealChunk(nil, []byte("x"))
				}
			})
		}
		seen := map[string]bool{}
		for i, n := range rec.nonces {
			if seen[n] {
				t.Fatalf("%v: nonce %x came twice, at %d", suite, n, i)
			}
			seen[n] = true
		}
	}
}

func TestSequenceIsLittleEndian(t *testing.T) {
	for _, first := range []uint64{0, 1, 0xFF, 0xFFFF, 1<<32 - 1, 1<<56 - 2} {
		rec := &recorder{AEAD: mustAEAD(t, aead.AES128GCM)}
		s, err := aead.NewSealer(rec, aead.LittleEndian(first))
		if err != nil {
			t.Fatal(err)
		}
		want := newTwinNonce(rec)
		for i := range 8 {
			want[i] = byte(first >> (8 * i))
		}
		for range 4 {
			if _, err := s.Seal(nil, nil, nil); err != nil {
				t.Fatal(err)
			}
			if got := rec.nonces[len(rec.nonces)-1]; got != string(want) {
				t.Errorf("from %d: nonce %x, want %x", first, got, want)
			}
			want.increment()
		}
	}
}

func TestNonceExhaustion(t *testing.T) {
	for _, left := range []uint64{0, 1, 2, 3} {
		rec := &recorder{AEAD: mustAEAD(t, aead.AES128GCM)}
		s, err := aead.NewSealer(rec, aead.LittleEndian(math.MaxUint64-left))
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.SealChunk(nil, []byte("data"))
		if left < 2 {
			if out != nil || !errors.Is(err, aead.ErrNonceExhausted) || len(rec.nonces) != 0 {
				t.Errorf("%d nonces left: SealChunk = %x, %v after %d seals", left, out, err, len(rec.nonces))
			}
		} else if err != nil {
			t.Errorf("%d nonces left: %v", left, err)
		}
		for range 3 {
			_, err = s.Seal(nil, nil, nil)
		}
		if !errors.Is(err, aead.ErrNonceExhausted) {
			t.Errorf("%d nonces left: Seal = %v, want ErrNonceExhausted", left, err)
		}
		if uint64(len(rec.nonces)) > left {
			t.Errorf("%d nonces left, %d used", left, len(rec.nonces))
		}
	}
}

func TestOpenerNonceExhaustion(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	const first = math.MaxUint64 - 3
	s, err := aead.NewSealer(a, aead.LittleEndian(first))
	if err != nil {
		t.Fatal(err)
	}
	o, err := aead.NewOpener(a, aead.LittleEndian(first))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		record, err := s.Seal(nil, []byte("data"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := o.Open(nil, record, nil); string(got) != "data" || err != nil {
			t.Fatalf("Open = %q, %v", got, err)
		}
	}
	for range 2 {
		if _, err := o.Open(nil, make([]byte, 20), nil); !errors.Is(err, aead.ErrNonceExhausted) {
			t.Errorf("Open with no nonce left = %v", err)
		}
	}
}

type oddAEAD struct {
	cipher.AEAD
	nonce, tag int
}

func (o oddAEAD) NonceSize() int { return o.nonce }
func (o oddAEAD) Overhead() int  { return o.tag }

func TestNewSealerRefuses(t *testing.T) {
	for _, odd := range []oddAEAD{{nonce: 11, tag: 16}, {nonce: 25, tag: 16}, {nonce: 0, tag: 16}, {nonce: 12, tag: 12}, {nonce: 12, tag: 32}} {
		odd.AEAD = mustAEAD(t, aead.AES128GCM)
		if _, err := aead.NewSealer(odd, aead.Sequence{}); err == nil {
			t.Errorf("NewSealer took nonces of %d and tags of %d bytes", odd.nonce, odd.tag)
		}
		if _, err := aead.NewOpener(odd, aead.Sequence{}); err == nil {
			t.Errorf("NewOpener took nonces of %d and tags of %d bytes", odd.nonce, odd.tag)
		}
	}
}

// Sealing allocates nothing but what the AEAD does: x/crypto's portable
// ChaCha20-Poly1305 allocates, all others do not.
func TestSealAllocs(t *testing.T) {
	for _, suite := range allSuites {
		a := mustAEAD(t, suite)
		s := mustSealer(t, a)
		nonce := newTwinNonce(a)
		buf := make([]byte, 0, 20000)
		payload := make([]byte, 16383)
		batch := make([]aead.Record, 2)
		for _, n := range []int{0, 1, 1350, 16383} {
			base := testing.AllocsPerRun(100, func() { a.Seal(buf, nonce, payload[:n], nil) })
			got := testing.AllocsPerRun(100, func() {
				if _, err := s.SealChunk(buf, payload[:n]); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Seal(buf, payload[:n], payload[:5]); err != nil {
					t.Fatal(err)
				}
				if _, err := s.SealRecord(buf, payload[:n], false); err != nil {
					t.Fatal(err)
				}
				batch[0], batch[1] = aead.Record{Dst: buf, In: payload[:n]}, aead.Record{Dst: buf[:0], In: payload[:1]}
				if err := s.SealBatch(batch); err != nil {
					t.Fatal(err)
				}
			})
			if got > 6*base {
				t.Errorf("%v, %d bytes: %v allocations in six seals, the AEAD alone makes %v each", suite, n, got, base)
			}
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, suite := range allSuites {
		for _, size := range []int{64, 1350, 16383} {
			a := mustAEAD(b, suite)
			payload := make([]byte, size)
			buf := make([]byte, 0, size+aead.ChunkOverhead)
			b.Run(fmt.Sprintf("suite=%v/impl=ours/size=%d", suite, size), func(b *testing.B) {
				s := mustSealer(b, a)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					_, _ = s.SealChunk(buf, payload)
				}
			})
			b.Run(fmt.Sprintf("suite=%v/impl=std/size=%d", suite, size), func(b *testing.B) {
				nonce := newTwinNonce(a)
				length := []byte{byte(size >> 8), byte(size)}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					out := a.Seal(buf, nonce, length, nil)
					nonce.increment()
					a.Seal(out, nonce, payload, nil)
					nonce.increment()
				}
			})
		}
	}
}

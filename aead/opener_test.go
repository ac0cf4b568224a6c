package aead_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// openAll opens a stream of chunks that is all there, in place or not.
func openAll(t testing.TB, o *aead.Opener, wire []byte, inPlace bool) ([]byte, error) {
	t.Helper()
	var payload []byte
	for len(wire) > 0 {
		var dst []byte
		if inPlace && len(wire) >= aead.ChunkHeadroom {
			dst = wire[aead.ChunkHeadroom:aead.ChunkHeadroom]
		}
		p, size, err := o.OpenChunk(dst, wire, aead.MaxPayload)
		if err != nil {
			return payload, err
		}
		if size > len(wire) {
			return payload, aead.ErrTruncated
		}
		payload = append(payload, p...)
		wire = wire[size:]
	}
	return payload, nil
}

func TestOpenChunkMatchesTwin(t *testing.T) {
	for _, suite := range allSuites {
		a := mustAEAD(t, suite)
		var payloads [][]byte
		for i, n := range payloadLengths() {
			if n <= aead.MaxPayload {
				payloads = append(payloads, randomBytes(uint64(i), n))
			}
		}
		want := bytes.Join(payloads, nil)
		for _, inPlace := range []bool{true, false} {
			wire := twinSeal(a, payloads...)
			before := bytes.Clone(wire)
			got, err := openAll(t, mustOpener(t, a), wire, inPlace)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v, in place %v: %d bytes, %v, want %d", suite, inPlace, len(got), err, len(want))
			}
			if !inPlace && !bytes.Equal(wire, before) {
				t.Errorf("%v: OpenChunk changed its input", suite)
			}
		}
	}
}

// Every prefix of a chunk is told what is missing, and opening goes on from
// there without a second look at the sealed length.
func TestOpenChunkPiecewise(t *testing.T) {
	a := mustAEAD(t, aead.ChaCha20Poly1305)
	payload := randomBytes(1, 100)
	wire := twinSeal(a, payload, payload)
	first := len(wire) / 2
	for split := range first {
		o := mustOpener(t, a)
		got, size, err := o.OpenChunk(nil, wire[:split], aead.MaxPayload)
		want := aead.ChunkHeadroom
		if split >= aead.ChunkHeadroom {
			want = first
		}
		if got != nil || size != want || err != nil {
			t.Fatalf("OpenChunk of %d bytes = %x, %d, %v, want size %d", split, got, size, err, want)
		}
		again := bytes.Clone(wire)
		if split >= aead.ChunkHeadroom {
			clear(again[:aead.ChunkHeadroom])
		}
		got, size, err = o.OpenChunk(nil, again, aead.MaxPayload)
		if !bytes.Equal(got, payload) || size != first || err != nil {
			t.Fatalf("after %d bytes: OpenChunk = %x, %d, %v", split, got, size, err)
		}
		got, _, err = o.OpenChunk([]byte("front"), again[size:], aead.MaxPayload)
		if string(got) != "front"+string(payload) || err != nil {
			t.Fatalf("after %d bytes: second OpenChunk = %x, %v", split, got, err)
		}
	}
}

// Every flipped bit is found, what was opened is cleared, and the Opener says
// the same ever after.
func TestEveryBitFlip(t *testing.T) {
	for _, suite := range allSuites {
		a := mustAEAD(t, suite)
		payloads := [][]byte{randomBytes(1, 3), {}, randomBytes(2, 40)}
		good := twinSeal(a, payloads...)
		for bit := range len(good) * 8 {
			for _, inPlace := range []bool{true, false} {
				wire := bytes.Clone(good)
				wire[bit/8] ^= 1 << (bit % 8)
				want, _ := twinOpen(a, wire)
				o := mustOpener(t, a)
				got, err := openAll(t, o, wire, inPlace)
				if !errors.Is(err, aead.ErrOpen) || !bytes.Equal(got, want) {
					t.Fatalf("%v, bit %d: %x, %v, want %x, ErrOpen", suite, bit, got, err, want)
				}
				if _, err := o.Open(nil, twinSeal(a, nil), nil); !errors.Is(err, aead.ErrOpen) {
					t.Fatalf("%v, bit %d: the Opener is not poisoned: %v", suite, bit, err)
				}
			}
		}
	}
}

func TestFailedOpenClears(t *testing.T) {
	for _, suite := range allSuites {
		for _, n := range []int{1, 15, 64, 300, 1350, 5000} {
			a := mustAEAD(t, suite)
			wire := twinSeal(a, randomBytes(3, n))
			wire[len(wire)-1] ^= 1
			dst := bytes.Repeat([]byte{0xA5}, n+64)
			if _, _, err := mustOpener(t, a).OpenChunk(dst[:32], wire, aead.MaxPayload); !errors.Is(err, aead.ErrOpen) {
				t.Fatalf("OpenChunk of a forged chunk = %v", err)
			}
			if !bytes.Equal(dst[:32], bytes.Repeat([]byte{0xA5}, 32)) {
				t.Errorf("%v, %d bytes: dst itself was changed", suite, n)
			}
			if !bytes.Equal(dst[32:32+n], make([]byte, n)) {
				t.Errorf("%v, %d bytes: output not cleared", suite, n)
			}
			if !bytes.Equal(dst[32+n:], bytes.Repeat([]byte{0xA5}, 32)) {
				t.Errorf("%v, %d bytes: written past the output", suite, n)
			}
		}
	}
}

// A leaky AEAD leaves the text behind although it refuses it.
type leaky struct{ paper }

func (leaky) Open(dst, _, record, _ []byte) ([]byte, error) {
	return append(dst, record[:len(record)-16]...)[:len(dst)], errors.New("leaky: refused")
}

func TestFailedOpenClearsForTheAEAD(t *testing.T) {
	o := mustOpener(t, leaky{})
	dst := bytes.Repeat([]byte{0xA5}, 8)
	if _, err := o.Open(dst[:2], append([]byte("text"), make([]byte, 16)...), nil); !errors.Is(err, aead.ErrOpen) {
		t.Fatalf("Open = %v", err)
	}
	if want := []byte{0xA5, 0xA5, 0, 0, 0, 0, 0xA5, 0xA5}; !bytes.Equal(dst, want) {
		t.Errorf("dst's array is %x, want %x", dst, want)
	}
	if got, err := mustOpener(t, mustAEAD(t, aead.AES128GCM)).Open(nil, nil, nil); got != nil || !errors.Is(err, aead.ErrOpen) {
		t.Errorf("Open of nothing = %x, %v", got, err)
	}
}

func TestOpenChunkLimit(t *testing.T) {
	a := mustAEAD(t, aead.AES256GCM)
	wire := twinSeal(a, make([]byte, 1001))
	if _, _, err := mustOpener(t, a).OpenChunk(nil, wire, 1001); err != nil {
		t.Errorf("payload at the limit: %v", err)
	}
	o := mustOpener(t, a)
	for range 2 {
		if _, _, err := o.OpenChunk(nil, wire, 1000); !errors.Is(err, aead.ErrTooLong) {
			t.Errorf("payload over the limit: %v, want ErrTooLong", err)
		}
	}
}

func TestOpenSealAdditionalData(t *testing.T) {
	for _, suite := range allSuites {
		a := mustAEAD(t, suite)
		s, o := mustSealer(t, a), mustOpener(t, a)
		for i := range 40 {
			plain, ad := randomBytes(uint64(i), i*9), randomBytes(uint64(100+i), i)
			buf := append(make([]byte, 0, 1000), plain...)
			record, err := s.Seal(buf[:0], buf, ad)
			if err != nil || len(record) != len(plain)+aead.TagSize {
				t.Fatalf("Seal = %d bytes, %v", len(record), err)
			}
			got, err := o.Open(record[:0], record, ad)
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%v: Open = %x, %v, want %x", suite, got, err, plain)
			}
		}
		record, _ := s.Seal(nil, []byte("x"), []byte("a"))
		if _, err := o.Open(nil, record, []byte("b")); !errors.Is(err, aead.ErrOpen) {
			t.Errorf("%v: Open with other additional data = %v", suite, err)
		}
	}
}

// Opening allocates nothing but what the AEAD does.
func TestOpenAllocs(t *testing.T) {
	for _, suite := range allSuites {
		a := mustAEAD(t, suite)
		for _, n := range []int{0, 1, 1350, 16383} {
			const runs = 50
			s := mustSealer(t, a)
			var wire []byte
			for range runs + 1 {
				wire, _ = s.SealChunk(wire, make([]byte, n))
			}
			nonce := newTwinNonce(a)
			record := a.Seal(nil, nonce, make([]byte, n), nil)
			dst := make([]byte, 0, n)
			base := testing.AllocsPerRun(runs, func() {
				if _, err := a.Open(dst, nonce, record, nil); err != nil {
					t.Fatal(err)
				}
			})
			o := mustOpener(t, a)
			got := testing.AllocsPerRun(runs, func() {
				_, size, err := o.OpenChunk(wire[aead.ChunkHeadroom:aead.ChunkHeadroom], wire, aead.MaxPayload)
				if err != nil {
					t.Fatal(err)
				}
				wire = wire[size:]
			})
			if got > 2*base {
				t.Errorf("%v, %d bytes: %v allocations in two opens, the AEAD alone makes %v each", suite, n, got, base)
			}
		}
	}
}

func TestOpenRecordAllocs(t *testing.T) {
	const runs = 50
	s, o := recordSealer(t), recordOpener(t)
	a := mustAEAD(t, aead.ChaCha20Poly1305)
	nonce := newTwinNonce(a)
	record := a.Seal(nil, nonce, make([]byte, 500), nil)
	dst := make([]byte, 0, 500)
	base := testing.AllocsPerRun(runs, func() {
		if _, err := a.Open(dst, nonce, record, nil); err != nil {
			t.Fatal(err)
		}
	})
	var wire []byte
	for range runs + 1 {
		for range 3 {
			wire, _ = s.SealRecord(wire, make([]byte, 500), false)
		}
	}
	batch := make([]aead.Record, 2)
	got := testing.AllocsPerRun(runs, func() {
		_, size, _, err := o.OpenRecord(wire[aead.RecordHeadroom:aead.RecordHeadroom], wire, 500)
		if err != nil {
			t.Fatal(err)
		}
		wire = wire[size:]
		for i := range batch {
			body := wire[aead.RecordHeadroom:size]
			batch[i] = aead.Record{Dst: body[:0], In: body, AdditionalData: wire[:aead.RecordHeadroom]}
			wire = wire[size:]
		}
		if _, err := o.OpenBatch(batch); err != nil {
			t.Fatal(err)
		}
	})
	if got > 3*base {
		t.Errorf("%v allocations in three opens, the AEAD alone makes %v each", got, base)
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, suite := range allSuites {
		for _, size := range []int{64, 1350, 16383} {
			a := mustAEAD(b, suite)
			// A chunk's nonces pass, so a batch is sealed ahead for each round.
			const batch = 64
			wire := twinSeal(a, cut(make([]byte, batch*size), lengths(batch, size)...)...)
			dst := make([]byte, 0, size)
			b.Run(fmt.Sprintf("suite=%v/impl=ours/size=%d", suite, size), func(b *testing.B) {
				b.SetBytes(int64(batch * size))
				b.ReportAllocs()
				for b.Loop() {
					o := mustOpener(b, a)
					for w := wire; len(w) > 0; {
						_, n, err := o.OpenChunk(dst, w, aead.MaxPayload)
						if err != nil {
							b.Fatal(err)
						}
						w = w[n:]
					}
				}
			})
			b.Run(fmt.Sprintf("suite=%v/impl=std/size=%d", suite, size), func(b *testing.B) {
				var length [2]byte
				b.SetBytes(int64(batch * size))
				b.ReportAllocs()
				for b.Loop() {
					nonce := newTwinNonce(a)
					for w := wire; len(w) > 0; {
						if _, err := a.Open(length[:0], nonce, w[:18], nil); err != nil {
							b.Fatal(err)
						}
						nonce.increment()
						n := int(length[0])<<8 | int(length[1])
						if _, err := a.Open(dst, nonce, w[18:18+n+16], nil); err != nil {
							b.Fatal(err)
						}
						nonce.increment()
						w = w[18+n+16:]
					}
				}
			})
		}
	}
}

func lengths(count, size int) []int {
	out := make([]int, count)
	for i := range out {
		out[i] = size
	}
	return out
}

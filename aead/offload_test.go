package aead_test

import (
	"bytes"
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/internal/await"
)

func mustOffload(t testing.TB, cfg aead.OffloadConfig) *aead.Offload {
	t.Helper()
	o, err := aead.NewOffload(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// plainBatch is n records of about size bytes, in place or not by turns.
func plainBatch(n, size int, overhead int) []aead.Record {
	records := make([]aead.Record, n)
	for i := range records {
		plain := randomBytes(uint64(i), size+i%50)
		head := overhead - aead.TagSize
		buf := make([]byte, head+len(plain)+aead.TagSize)
		in := buf[head : head+len(plain)]
		copy(in, plain)
		records[i] = aead.Record{Dst: buf[:0], In: in, AdditionalData: plain[:min(len(plain), i%20)]}
		records[i].AdditionalData = bytes.Clone(records[i].AdditionalData)
		if i%3 == 0 {
			records[i].Dst = []byte("pre")
		}
	}
	return records
}

// Shared batches are what one goroutine makes of them, byte for byte, many at
// a time.
func TestOffloadIsOneByOne(t *testing.T) {
	off := mustOffload(t, aead.OffloadConfig{Workers: 3, Crossover: 1})
	helped(t, off)
	for _, suite := range allSuites {
		a := mustAEAD(t, suite)
		var wg sync.WaitGroup
		for _, size := range []int{0, 60, 1350, 16383} {
			wg.Go(func() {
				s, alone := mustSealer(t, a), mustSealer(t, a)
				o := mustOpener(t, a)
				for _, n := range []int{1, 2, 30, 100} {
					records, want := plainBatch(n, size, aead.TagSize), plainBatch(n, size, aead.TagSize)
					if err := errors.Join(off.SealBatch(t.Context(), s, records), alone.SealBatch(want)); err != nil {
						t.Error(err)
						return
					}
					for i := range records {
						if !bytes.Equal(records[i].Dst, want[i].Dst) {
							t.Errorf("%v: record %d of %d differs", suite, i, n)
							return
						}
						in := bytes.TrimPrefix(records[i].Dst, []byte("pre"))
						records[i].Dst, records[i].In = in[:0], in
					}
					if k, err := off.OpenBatch(t.Context(), o, records); k != n || err != nil {
						t.Errorf("%v: OpenBatch = %d, %v, want %d", suite, k, err, n)
						return
					}
					for i := range records {
						if !bytes.Equal(records[i].Dst, randomBytes(uint64(i), size+i%50)) {
							t.Errorf("%v: record %d of %d is opened wrong", suite, i, n)
							return
						}
					}
				}
			})
		}
		wg.Wait()
	}
}

// helped has off do batches until a worker has been idle when one came.
func helped(t testing.TB, off *aead.Offload) {
	t.Helper()
	s := mustSealer(t, mustAEAD(t, aead.AES128GCM))
	await.Until(t, "a worker has helped", func() bool {
		if err := off.SealBatch(t.Context(), s, plainBatch(20, 5000, aead.TagSize)); err != nil {
			t.Fatal(err)
		}
		return off.Stats().Parts > 0
	})
}

// Behind the first forged record nothing stays open, whoever opened it.
func TestOffloadForged(t *testing.T) {
	off := mustOffload(t, aead.OffloadConfig{Workers: 3, Crossover: 1})
	a := mustAEAD(t, aead.AES256GCM)
	const n, size = 90, 1350
	for forged := range n {
		records := plainBatch(n, size, aead.TagSize)
		if err := mustSealer(t, a).SealBatch(records); err != nil {
			t.Fatal(err)
		}
		for i := range records {
			in := bytes.TrimPrefix(records[i].Dst, []byte("pre"))
			if i == forged || i == forged+40 {
				in[7] ^= 1
			}
			records[i].Dst, records[i].In = []byte("pre"), in
			if i%2 == 0 {
				records[i].Dst = append(make([]byte, 0, 3+len(in)), "pre"...)
			}
		}
		o := mustOpener(t, a)
		k, err := off.OpenBatch(t.Context(), o, records)
		if k != forged || !errors.Is(err, aead.ErrOpen) {
			t.Fatalf("record %d forged: OpenBatch = %d, %v", forged, k, err)
		}
		for i := range records {
			want := []byte("pre")
			if i < forged {
				want = append(want, randomBytes(uint64(i), size+i%50)...)
			}
			if !bytes.Equal(records[i].Dst, want) {
				t.Fatalf("record %d forged: Dst of record %d has %d bytes", forged, i, len(records[i].Dst))
			}
			if spare := records[i].Dst[len(want):cap(records[i].Dst)]; i >= forged && i%2 == 0 && slices.Max(append(spare, 0)) != 0 {
				t.Fatalf("record %d forged: something of record %d is left", forged, i)
			}
		}
		if _, err := off.OpenBatch(t.Context(), o, records[:1]); !errors.Is(err, aead.ErrOpen) {
			t.Fatalf("the Opener is not poisoned: %v", err)
		}
	}
}

// A slowAEAD ends a context after some calls.
type slowAEAD struct {
	cipher.AEAD
	mu    sync.Mutex
	calls int
	stop  func()
}

func (s *slowAEAD) count() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls++; s.calls == 40 {
		s.stop()
	}
}

func (s *slowAEAD) Seal(dst, nonce, plaintext, ad []byte) []byte {
	s.count()
	return s.AEAD.Seal(dst, nonce, plaintext, ad)
}

func (s *slowAEAD) Open(dst, nonce, record, ad []byte) ([]byte, error) {
	s.count()
	return s.AEAD.Open(dst, nonce, record, ad)
}

func TestOffloadContext(t *testing.T) {
	off := mustOffload(t, aead.OffloadConfig{Workers: 2, Crossover: 1})
	real := mustAEAD(t, aead.AES128GCM)
	ctx, cancel := context.WithCancel(t.Context())
	s := mustSealer(t, &slowAEAD{AEAD: real, stop: cancel})
	records := plainBatch(400, 2000, aead.TagSize)
	if err := off.SealBatch(ctx, s, records); !errors.Is(err, context.Canceled) {
		t.Fatalf("SealBatch, cancelled in the middle = %v", err)
	}
	if err := off.SealBatch(ctx, s, records); !errors.Is(err, context.Canceled) {
		t.Errorf("SealBatch, cancelled before = %v", err)
	}
	// The nonces of the whole batch are spent.
	next, err := s.Seal(nil, []byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := aead.NewSealer(real, aead.LittleEndian(400))
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := alone.Seal(nil, []byte("x"), nil); !bytes.Equal(next, want) {
		t.Error("the Sealer does not go on behind the batch")
	}

	if err := mustSealer(t, real).SealBatch(records); err != nil {
		t.Fatal(err)
	}
	for i := range records {
		records[i].In, records[i].Dst = bytes.TrimPrefix(records[i].Dst, []byte("pre")), nil
	}
	ctx, cancel = context.WithCancel(t.Context())
	o := mustOpener(t, &slowAEAD{AEAD: real, stop: cancel})
	records = plainBatch(400, 2000, aead.TagSize)
	_ = mustSealer(t, real).SealBatch(records)
	for i := range records {
		if i%3 == 0 {
			records[i].Dst = records[i].Dst[3:]
		}
		records[i].In, records[i].Dst = records[i].Dst, nil
	}
	k, err := off.OpenBatch(ctx, o, records)
	if !errors.Is(err, context.Canceled) || k >= 400 {
		t.Fatalf("OpenBatch, cancelled in the middle = %d, %v", k, err)
	}
	for i := range records {
		if opened := len(records[i].Dst) > 0; opened != (i < k) {
			t.Fatalf("%d records are open, but record %d: %v", k, i, opened)
		}
	}
	if _, err := o.Open(nil, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Open after a cancelled batch = %v", err)
	}
}

func TestOffloadLimits(t *testing.T) {
	off := mustOffload(t, aead.OffloadConfig{Workers: 2, Crossover: 1})
	a := mustAEAD(t, aead.AES128GCM)
	rec := &lockedRecorder{recorder: recorder{AEAD: a}}
	s, err := aead.NewSealer(rec, aead.LittleEndian(0).MaxRecords(99))
	if err != nil {
		t.Fatal(err)
	}
	if err := off.SealBatch(t.Context(), s, plainBatch(100, 100, aead.TagSize)); !errors.Is(err, aead.ErrKeyLimit) || len(rec.nonces) != 0 {
		t.Errorf("SealBatch beyond the limit = %v after %d seals", err, len(rec.nonces))
	}
	s = mustSealer(t, rec)
	for range 3 {
		if err := off.SealBatch(t.Context(), s, plainBatch(100, 3000, aead.TagSize)); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, n := range rec.nonces {
		if seen[n] {
			t.Fatalf("nonce %x came twice", n)
		}
		seen[n] = true
	}
	if len(seen) != 300 {
		t.Errorf("%d nonces for 300 records", len(seen))
	}
	for _, cfg := range []aead.OffloadConfig{{Workers: -1}, {Crossover: -1}} {
		if _, err := aead.NewOffload(cfg); !errors.Is(err, aead.ErrConfig) {
			t.Errorf("NewOffload(%+v) = %v", cfg, err)
		}
	}
	records := plainBatch(4, 3000, aead.TagSize)
	o := mustOpener(t, a)
	if err := off.Close(); err != nil {
		t.Fatal(err)
	}
	if err := off.SealBatch(t.Context(), s, records); !errors.Is(err, net.ErrClosed) {
		t.Errorf("SealBatch after Close = %v", err)
	}
	if _, err := off.OpenBatch(t.Context(), o, records); !errors.Is(err, net.ErrClosed) {
		t.Errorf("OpenBatch after Close = %v", err)
	}
}

// Close in the middle: batches under way are finished.
func TestOffloadCloseUnderLoad(t *testing.T) {
	a := mustAEAD(t, aead.ChaCha20Poly1305)
	for range 20 {
		off := mustOffload(t, aead.OffloadConfig{Workers: 2, Crossover: 1})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				s, alone := mustSealer(t, a), mustSealer(t, a)
				for {
					records, want := plainBatch(20, 5000, aead.TagSize), plainBatch(20, 5000, aead.TagSize)
					err := off.SealBatch(context.Background(), s, records)
					if errors.Is(err, net.ErrClosed) {
						return
					}
					if err := errors.Join(err, alone.SealBatch(want)); err != nil {
						t.Error(err)
						return
					}
					for i := range records {
						if !bytes.Equal(records[i].Dst, want[i].Dst) {
							t.Errorf("record %d differs", i)
							return
						}
					}
				}
			})
		}
		if err := off.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	}
}

func TestOffloadAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops some of what it is given")
	}
	off := mustOffload(t, aead.OffloadConfig{Workers: 1, Crossover: 1})
	a := mustAEAD(t, aead.AES256GCM)
	s, o := mustSealer(t, a), mustOpener(t, a)
	records := make([]aead.Record, 50)
	bufs := make([][]byte, len(records))
	for i := range bufs {
		bufs[i] = make([]byte, 2000+aead.TagSize)
	}
	ctx := t.Context()
	got := testing.AllocsPerRun(200, func() {
		for i := range records {
			records[i] = aead.Record{Dst: bufs[i][:0], In: bufs[i][:2000]}
		}
		if err := off.SealBatch(ctx, s, records); err != nil {
			t.Fatal(err)
		}
		for i := range records {
			records[i] = aead.Record{Dst: bufs[i][:0], In: bufs[i]}
		}
		if _, err := off.OpenBatch(ctx, o, records); err != nil {
			t.Fatal(err)
		}
	})
	if got >= 1 { // a collection may empty the sync.Pool
		t.Errorf("%v allocations for two batches", got)
	}
}

func TestCrossoverIsKnown(t *testing.T) {
	for _, suite := range allSuites {
		n := aead.Crossover(mustAEAD(t, suite))
		if n < 64<<10 || n > 16<<20 {
			t.Errorf("Crossover of %v is %d", suite, n)
		}
	}
	if n := aead.Crossover(paper{}); n != 2<<20 {
		t.Errorf("Crossover of an unknown AEAD is %d", n)
	}
}

// BenchmarkOffload is what the table of crossovers is from.
func BenchmarkOffload(b *testing.B) {
	off := mustOffload(b, aead.OffloadConfig{Workers: 1, Crossover: 1})
	for _, suite := range []aead.Suite{aead.AES128GCM, aead.AES256GCM, aead.ChaCha20Poly1305} {
		a := mustAEAD(b, suite)
		for size := 256 << 10; size <= 4<<20; size *= 2 {
			const each = 16 << 10
			records := make([]aead.Record, size/each)
			buf := make([]byte, size+len(records)*aead.TagSize)
			for _, impl := range []string{"alone", "shared"} {
				b.Run(fmt.Sprintf("suite=%v/impl=%s/size=%d", suite, impl, size), func(b *testing.B) {
					s := mustSealer(b, a)
					b.SetBytes(int64(size))
					b.ReportAllocs()
					for b.Loop() {
						rest := buf
						for i := range records {
							records[i] = aead.Record{Dst: rest[:0], In: rest[:each]}
							rest = rest[each+aead.TagSize:]
						}
						var err error
						if impl == "alone" {
							err = s.SealBatch(records)
						} else {
							err = off.SealBatch(b.Context(), s, records)
						}
						if err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

package aead_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// TLS 1.3 as its text has it: the record number, most significant byte first,
// padded on the left to the length of the IV, and XORed with it.
func tlsNonce(iv []byte, n uint64) []byte {
	nonce := bytes.Clone(iv)
	for i, b := range binary.BigEndian.AppendUint64(nil, n) {
		nonce[len(nonce)-8+i] ^= b
	}
	return nonce
}

func TestSequences(t *testing.T) {
	for _, suite := range allSuites {
		iv := randomBytes(5, suite.NonceSize())
		for _, first := range []uint64{0, 1, 0xFE, 0xFFFF, 1<<32 - 2, 1<<56 - 3} {
			for name, tt := range map[string]struct {
				seq  aead.Sequence
				want func(n uint64) []byte
			}{
				"big endian": {aead.BigEndian(first), func(n uint64) []byte { return tlsNonce(make([]byte, suite.NonceSize()), n) }},
				"static IV":  {aead.StaticIV(iv, first), func(n uint64) []byte { return tlsNonce(iv, n) }},
				"little endian": {aead.LittleEndian(first), func(n uint64) []byte {
					nonce := make([]byte, suite.NonceSize())
					binary.LittleEndian.PutUint64(nonce, n)
					return nonce
				}},
			} {
				rec := &recorder{AEAD: mustAEAD(t, suite)}
				s, err := aead.NewSealer(rec, tt.seq)
				if err != nil {
					t.Fatal(err)
				}
				o, err := aead.NewOpener(mustAEAD(t, suite), tt.seq)
				if err != nil {
					t.Fatal(err)
				}
				for i := range uint64(6) {
					record, err := s.Seal(nil, []byte("text"), nil)
					if err != nil {
						t.Fatal(err)
					}
					if got, want := []byte(rec.nonces[i]), tt.want(first+i); !bytes.Equal(got, want) {
						t.Fatalf("%v, %s: nonce %d is %x, want %x", suite, name, first+i, got, want)
					}
					if got, err := o.Open(nil, record, nil); err != nil || string(got) != "text" {
						t.Fatalf("%v, %s: Open = %q, %v", suite, name, got, err)
					}
				}
			}
		}
	}
}

// The example of RFC 8448, section 3: the nonce of the server's first record.
func TestStaticIVOfTLS(t *testing.T) {
	iv := unhex(t, "5d313eb2671276ee13000b30")
	rec := &recorder{AEAD: mustAEAD(t, aead.AES128GCM)}
	s, err := aead.NewSealer(rec, aead.StaticIV(iv, 0))
	if err != nil {
		t.Fatal(err)
	}
	clear(iv) // the Sequence has a copy
	for range 2 {
		_, _ = s.Seal(nil, nil, nil)
	}
	want := []string{"5d313eb2671276ee13000b30", "5d313eb2671276ee13000b31"}
	for i := range want {
		if got := fmt.Sprintf("%x", rec.nonces[i]); got != want[i] {
			t.Errorf("nonce %d is %s, want %s", i, got, want[i])
		}
	}
}

func TestSequenceRefusals(t *testing.T) {
	gcm := mustAEAD(t, aead.AES256GCM)
	for name, seq := range map[string]aead.Sequence{
		"short IV": aead.StaticIV(make([]byte, 8), 0), "long IV": aead.StaticIV(make([]byte, 24), 0),
		"random nonces of 12 bytes": aead.Random(),
	} {
		if _, err := aead.NewSealer(gcm, seq); err == nil {
			t.Errorf("NewSealer takes %s", name)
		}
		if _, err := aead.NewOpener(gcm, seq); err == nil {
			t.Errorf("NewOpener takes %s", name)
		}
	}
}

func TestRandomNonces(t *testing.T) {
	a := mustAEAD(t, aead.XChaCha20Poly1305)
	s, err := aead.NewSealer(a, aead.Random())
	if err != nil {
		t.Fatal(err)
	}
	if s.Headroom() != 24 || s.Overhead() != 40 {
		t.Errorf("Headroom %d, Overhead %d, want 24, 40", s.Headroom(), s.Overhead())
	}
	ad := []byte("ad")
	var records [][]byte
	seen := map[string]bool{}
	for i := range 50 {
		plain := randomBytes(uint64(i), i*11)
		var record []byte
		if i%2 == 0 {
			record, err = s.Seal([]byte("pre"), plain, ad)
			record = record[3:]
		} else {
			buf := make([]byte, len(plain)+s.Overhead())
			copy(buf[s.Headroom():], plain)
			record, err = s.Seal(buf[:0], buf[s.Headroom():s.Headroom()+len(plain)], ad)
			if &record[0] != &buf[0] {
				t.Fatal("not sealed in place")
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := a.Seal(bytes.Clone(record[:24]), record[:24], plain, ad); !bytes.Equal(record, want) {
			t.Fatalf("Seal = %x, want %x", record, want)
		}
		if seen[string(record[:24])] {
			t.Fatal("a random nonce came twice")
		}
		seen[string(record[:24])] = true
		records = append(records, record)
	}
	o, err := aead.NewOpener(a, aead.Random())
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(records) // in any order
	for i, record := range records {
		n := 49 - i
		dst := record[24:24]
		if i%3 == 0 {
			dst = nil
		}
		got, err := o.Open(dst, record, ad)
		if err != nil || !bytes.Equal(got, randomBytes(uint64(n), n*11)) {
			t.Fatalf("Open of record %d: %v", n, err)
		}
	}
	for n := range 40 {
		o, _ := aead.NewOpener(a, aead.Random())
		if _, err := o.Open(nil, make([]byte, n), nil); !errors.Is(err, aead.ErrOpen) {
			t.Errorf("Open of %d bytes = %v", n, err)
		}
	}
	for name, f := range map[string]func(){
		"SealChunk":  func() { _, _ = s.SealChunk(nil, nil) },
		"SealRecord": func() { _, _ = s.SealRecord(nil, nil, false) },
		"OpenChunk":  func() { o, _ := aead.NewOpener(a, aead.Random()); _, _, _ = o.OpenChunk(nil, nil, 1) },
		"OpenRecord": func() { o, _ := aead.NewOpener(a, aead.Random()); _, _, _, _ = o.OpenRecord(nil, nil, 1) },
		"overlap":    func() { b := make([]byte, 100); _, _ = s.Seal(b[:0], b[5:20], nil) },
	} {
		if !panics(f) {
			t.Errorf("%s with random nonces does not panic", name)
		}
	}
}

func TestKeyLimits(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	seal := func(t *testing.T, s *aead.Sealer, n int) error {
		t.Helper()
		_, err := s.Seal(nil, make([]byte, n), nil)
		return err
	}
	for _, tt := range []struct {
		name  string
		seq   aead.Sequence
		sizes []int
		want  error // of the last size, and of whatever follows
	}{
		{"records", aead.LittleEndian(0).MaxRecords(3), []int{0, 9, 9, 9}, aead.ErrKeyLimit},
		{"bytes", aead.LittleEndian(0).MaxBytes(100), []int{60, 40, 0, 1}, aead.ErrKeyLimit},
		{"one byte too many", aead.BigEndian(7).MaxBytes(100), []int{101}, aead.ErrKeyLimit},
		{"both", aead.BigEndian(7).MaxBytes(100).MaxRecords(2), []int{1, 1, 1}, aead.ErrKeyLimit},
		{"nonces before records", aead.LittleEndian(math.MaxUint64 - 2).MaxRecords(3), []int{1, 1, 1}, aead.ErrNonceExhausted},
		{"records before nonces", aead.LittleEndian(math.MaxUint64 - 3).MaxRecords(2), []int{1, 1, 1}, aead.ErrKeyLimit},
	} {
		s, err := aead.NewSealer(a, tt.seq)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range tt.sizes {
			var want error
			if i == len(tt.sizes)-1 {
				want = tt.want
			}
			if err := seal(t, s, n); !errors.Is(err, want) {
				t.Errorf("%s: Seal %d = %v, want %v", tt.name, i, err, want)
			}
		}
		for range 2 {
			if err := seal(t, s, 0); !errors.Is(err, tt.want) {
				t.Errorf("%s: later Seal = %v, want %v", tt.name, err, tt.want)
			}
			if _, err := s.SealChunk(nil, nil); !errors.Is(err, tt.want) {
				t.Errorf("%s: later SealChunk = %v, want %v", tt.name, err, tt.want)
			}
			if _, err := s.SealRecord(nil, nil, true); !errors.Is(err, tt.want) {
				t.Errorf("%s: later SealRecord = %v, want %v", tt.name, err, tt.want)
			}
			if err := s.SealBatch(make([]aead.Record, 1)); !errors.Is(err, tt.want) {
				t.Errorf("%s: later SealBatch = %v, want %v", tt.name, err, tt.want)
			}
			if _, err := s.ReserveSeq(1); !errors.Is(err, tt.want) {
				t.Errorf("%s: later ReserveSeq = %v, want %v", tt.name, err, tt.want)
			}
		}
	}
}

func TestOpenerKeyLimits(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	wire := twinSeal(a, make([]byte, 50), make([]byte, 50), make([]byte, 1))
	for _, tt := range []struct {
		seq  aead.Sequence
		want int // bytes that come out
	}{{aead.LittleEndian(0).MaxRecords(4), 100}, {aead.LittleEndian(0).MaxRecords(3), 50}, {aead.LittleEndian(0).MaxBytes(100), 100}, {aead.LittleEndian(0).MaxBytes(99), 50}} {
		o, err := aead.NewOpener(a, tt.seq)
		if err != nil {
			t.Fatal(err)
		}
		got, err := openAll(t, o, bytes.Clone(wire), false)
		if len(got) != tt.want || !errors.Is(err, aead.ErrKeyLimit) {
			t.Errorf("opened %d bytes, %v, want %d, ErrKeyLimit", len(got), err, tt.want)
		}
		if _, err := o.Open(nil, nil, nil); !errors.Is(err, aead.ErrKeyLimit) {
			t.Errorf("later Open = %v", err)
		}
	}
}

// Workers seal and open a batch, each with its own part of the nonces: the
// same bytes as one alone, and no nonce twice.
func TestReserveSeq(t *testing.T) {
	for _, suite := range allSuites {
		a := mustAEAD(t, suite)
		rec := &lockedRecorder{recorder: recorder{AEAD: a}}
		seq := aead.StaticIV(randomBytes(3, suite.NonceSize()), 40)
		alone, err := aead.NewSealer(a, seq)
		if err != nil {
			t.Fatal(err)
		}
		s, err := aead.NewSealer(rec, seq)
		if err != nil {
			t.Fatal(err)
		}
		o, err := aead.NewOpener(a, seq)
		if err != nil {
			t.Fatal(err)
		}
		const workers, each = 8, 20
		got := make([][]byte, workers*each)
		var wg sync.WaitGroup
		for w := range workers {
			part, err := s.ReserveSeq(each)
			if err != nil {
				t.Fatal(err)
			}
			opens, err := o.ReserveSeq(each)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				for i := range each {
					n := w*each + i
					record, err := part.Seal(nil, randomBytes(uint64(n), n), nil)
					if err != nil {
						t.Error(err)
						return
					}
					got[n] = record
					plain, err := opens.Open(nil, record, nil)
					if err != nil || !bytes.Equal(plain, randomBytes(uint64(n), n)) {
						t.Errorf("%v: Open of record %d: %v", suite, n, err)
						return
					}
				}
				if _, err := part.Seal(nil, nil, nil); !errors.Is(err, aead.ErrNonceExhausted) {
					t.Errorf("one more than was reserved: %v", err)
				}
			})
		}
		wg.Wait()
		for n := range got {
			want, err := alone.Seal(nil, randomBytes(uint64(n), n), nil)
			if err != nil || !bytes.Equal(got[n], want) {
				t.Fatalf("%v: record %d differs from one sealed alone: %v", suite, n, err)
			}
		}
		// The Sealer goes on behind what it has reserved.
		next, _ := s.Seal(nil, []byte("x"), nil)
		want, _ := alone.Seal(nil, []byte("x"), nil)
		if !bytes.Equal(next, want) {
			t.Errorf("%v: the Sealer goes on at another nonce", suite)
		}
		seen := map[string]bool{}
		for _, n := range rec.nonces {
			if seen[n] {
				t.Fatalf("%v: nonce %x came twice", suite, n)
			}
			seen[n] = true
		}
	}
}

type lockedRecorder struct {
	mu sync.Mutex
	recorder
}

func (r *lockedRecorder) Seal(dst, nonce, plaintext, ad []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.recorder.Seal(dst, nonce, plaintext, ad)
}

func TestReserveSeqSharesLimits(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	s, err := aead.NewSealer(a, aead.LittleEndian(0).MaxRecords(10).MaxBytes(1000))
	if err != nil {
		t.Fatal(err)
	}
	part, err := s.ReserveSeq(4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Seal(nil, make([]byte, 400), nil); err != nil {
		t.Errorf("400 of 1000 bytes for 4 of 10 records: %v", err)
	}
	if _, err := part.Seal(nil, make([]byte, 1), nil); !errors.Is(err, aead.ErrKeyLimit) {
		t.Errorf("a byte beyond the share: %v", err)
	}
	if _, err := s.Seal(nil, make([]byte, 600), nil); err != nil {
		t.Errorf("the rest of the bytes: %v", err)
	}
	if _, err := s.ReserveSeq(6); !errors.Is(err, aead.ErrKeyLimit) {
		t.Errorf("more than there are: %v", err)
	}
}

func TestBatchIsOneByOne(t *testing.T) {
	for _, suite := range allSuites {
		a := mustAEAD(t, suite)
		s, alone := mustSealer(t, a), mustSealer(t, a)
		o := mustOpener(t, a)
		records := make([]aead.Record, 40)
		var want [][]byte
		for i := range records {
			plain, ad := randomBytes(uint64(i), i*37), randomBytes(uint64(i+9), i)
			record, err := alone.Seal(nil, plain, ad)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, record)
			buf := append(make([]byte, 0, len(plain)+aead.TagSize), plain...)
			records[i] = aead.Record{Dst: buf[:0], In: buf, AdditionalData: ad}
			if i%3 == 0 {
				records[i].Dst = []byte("pre")
			}
		}
		if err := s.SealBatch(records); err != nil {
			t.Fatal(err)
		}
		for i := range records {
			got := bytes.TrimPrefix(records[i].Dst, []byte("pre"))
			if !bytes.Equal(got, want[i]) {
				t.Fatalf("%v: record %d of a batch differs", suite, i)
			}
			records[i].Dst, records[i].In = got[:0], got
		}
		if n, err := o.OpenBatch(records); n != len(records) || err != nil {
			t.Fatalf("%v: OpenBatch = %d, %v", suite, n, err)
		}
		for i := range records {
			if !bytes.Equal(records[i].Dst, randomBytes(uint64(i), i*37)) {
				t.Fatalf("%v: record %d of a batch is opened wrong", suite, i)
			}
		}
	}
}

func TestBatchFailures(t *testing.T) {
	a := mustAEAD(t, aead.AES256GCM)
	rec := &recorder{AEAD: a}
	s, err := aead.NewSealer(rec, aead.LittleEndian(0).MaxRecords(2))
	if err != nil {
		t.Fatal(err)
	}
	records := make([]aead.Record, 3)
	if err := s.SealBatch(records); !errors.Is(err, aead.ErrKeyLimit) || len(rec.nonces) != 0 {
		t.Errorf("SealBatch beyond the limit = %v after %d seals", err, len(rec.nonces))
	}
	s = mustSealer(t, a)
	if err := s.SealBatch(records); err != nil {
		t.Fatal(err)
	}
	for i := range records {
		records[i].In, records[i].Dst = records[i].Dst, nil
	}
	records[1].In[3] ^= 1
	o := mustOpener(t, a)
	if n, err := o.OpenBatch(records); n != 1 || !errors.Is(err, aead.ErrOpen) {
		t.Errorf("OpenBatch with a forged second record = %d, %v", n, err)
	}
	if n, err := o.OpenBatch(records[:1]); n != 0 || !errors.Is(err, aead.ErrOpen) {
		t.Errorf("OpenBatch after a forged record = %d, %v", n, err)
	}
}

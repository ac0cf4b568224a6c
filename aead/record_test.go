package aead_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// The format as its comment has it, by the AEAD itself.
func twinRecords(t testing.TB, payloads ...[]byte) []byte {
	a := mustAEAD(t, aead.ChaCha20Poly1305)
	var wire []byte
	for i, p := range payloads {
		header := uint16(len(p))
		if i == len(payloads)-1 {
			header |= 0x8000
		}
		nonce := binary.BigEndian.AppendUint64(make([]byte, 4), uint64(i))
		ad := binary.BigEndian.AppendUint16(nil, header)
		wire = append(wire, a.Seal(ad, nonce, p, ad)...)
	}
	return wire
}

func recordSealer(t testing.TB) *aead.Sealer {
	t.Helper()
	s, err := aead.NewSealer(mustAEAD(t, aead.ChaCha20Poly1305), aead.BigEndian(0))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func recordOpener(t testing.TB) *aead.Opener {
	t.Helper()
	o, err := aead.NewOpener(mustAEAD(t, aead.ChaCha20Poly1305), aead.BigEndian(0))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestSealRecordMatchesTwin(t *testing.T) {
	var payloads [][]byte
	for _, n := range payloadLengths() {
		if n <= aead.MaxRecord {
			payloads = append(payloads, randomBytes(uint64(n), n))
		}
	}
	payloads = append(payloads, randomBytes(1, aead.MaxRecord))
	for _, inPlace := range []bool{false, true} {
		s := recordSealer(t)
		var wire []byte
		for i, p := range payloads {
			final := i == len(payloads)-1
			if !inPlace {
				var err error
				if wire, err = s.SealRecord(wire, p, final); err != nil {
					t.Fatal(err)
				}
				continue
			}
			slot := make([]byte, len(p)+aead.RecordOverhead)
			copy(slot[aead.RecordHeadroom:], p)
			out, err := s.SealRecord(slot[:0], slot[aead.RecordHeadroom:aead.RecordHeadroom+len(p)], final)
			if err != nil || &out[0] != &slot[0] {
				t.Fatalf("SealRecord in place of %d bytes: %v", len(p), err)
			}
			wire = append(wire, out...)
		}
		if !bytes.Equal(wire, twinRecords(t, payloads...)) {
			t.Errorf("in place %v: records differ from the twin's", inPlace)
		}
	}
}

func TestOpenRecord(t *testing.T) {
	payloads := [][]byte{randomBytes(1, 10), {}, randomBytes(2, 1000)}
	wire := twinRecords(t, payloads...)
	for _, inPlace := range []bool{false, true} {
		o := recordOpener(t)
		rest := bytes.Clone(wire)
		for i, want := range payloads {
			for have := range len(want) + aead.RecordOverhead {
				out, size, _, err := o.OpenRecord(nil, rest[:have], 1000)
				wantSize := len(want) + aead.RecordOverhead
				if have < aead.RecordHeadroom {
					wantSize = aead.RecordHeadroom
				}
				if out != nil || size != wantSize || err != nil {
					t.Fatalf("%d bytes of record %d: size %d, %v, want %d", have, i, size, err, wantSize)
				}
			}
			var dst []byte
			if inPlace {
				dst = rest[aead.RecordHeadroom:aead.RecordHeadroom]
			}
			got, size, final, err := o.OpenRecord(dst, rest, 1000)
			if err != nil || !bytes.Equal(got, want) || final != (i == len(payloads)-1) {
				t.Fatalf("record %d: %d bytes, final %v, %v", i, len(got), final, err)
			}
			rest = rest[size:]
		}
	}
	o := recordOpener(t)
	for range 2 {
		if _, _, _, err := o.OpenRecord(nil, wire, 9); !errors.Is(err, aead.ErrTooLong) {
			t.Errorf("payload over the limit: %v", err)
		}
	}
}

func recordConfig(t testing.TB, l *ledger) aead.ChunkConfig {
	cfg := aead.ChunkConfig{
		Framing: aead.Records,
		Open:    func([]byte) (*aead.Opener, error) { return recordOpener(t), nil },
		Seal:    func() ([]byte, *aead.Sealer, error) { return nil, recordSealer(t), nil },
	}
	if l != nil {
		cfg.Pool = l
	}
	return cfg
}

// A buffer with CloseWrite is a wire that notes its end.
type wireBuffer struct {
	bytes.Buffer
	closed bool
}

func (w *wireBuffer) CloseWrite() error {
	w.closed = true
	return nil
}

func TestRecordStream(t *testing.T) {
	plain := randomBytes(9, 200_000)
	for _, d := range drainers {
		l := newLedger()
		var wire wireBuffer
		w := mustWriter(t, &wire, recordConfig(t, l))
		if _, err := w.Write(plain[:100]); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ReadFrom(bytes.NewReader(plain[100:150_000])); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Writev(cut(plain[150_000:], 3, 0, 20_000)); err != nil {
			t.Fatal(err)
		}
		if err := w.CloseWrite(); err != nil || !wire.closed {
			t.Fatalf("CloseWrite = %v", err)
		}
		for range 2 {
			if _, err := w.Write([]byte("late")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write after CloseWrite = %v", err)
			}
		}
		sent := bytes.Clone(wire.Bytes())
		if err := w.CloseWrite(); err != nil || !bytes.Equal(wire.Bytes(), sent) {
			t.Errorf("second CloseWrite = %v", err)
		}
		r := mustReader(t, newLayered(append(sent, "not read"...), 1000, 40000), recordConfig(t, l))
		got, err := d.drain(r)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: %d bytes, %v, want %d", d.name, len(got), err, len(plain))
		}
		l.check(t, 0)
	}
}

// A stream that is cut anywhere is found out; so is every flipped bit.
func TestRecordStreamCutAndFlipped(t *testing.T) {
	wire := twinRecords(t, []byte("one"), nil, []byte("three"))
	for n := range len(wire) {
		for _, d := range drainers {
			got, err := d.drain(mustReader(t, newLayered(wire[:n], 7, 3), recordConfig(t, nil)))
			if !errors.Is(err, aead.ErrTruncated) || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s: cut at %d: %q, %v, want ErrTruncated", d.name, n, got, err)
			}
		}
	}
	for bit := range 8 * len(wire) {
		forged := bytes.Clone(wire)
		forged[bit/8] ^= 1 << (bit % 8)
		for _, d := range drainers {
			got, err := d.drain(mustReader(t, newLayered(forged, 1000, 1000), recordConfig(t, nil)))
			if err == nil || err == io.EOF {
				t.Fatalf("%s: bit %d flipped: %q, %v", d.name, bit, got, err)
			}
		}
	}
}

// An empty stream has a last record too, and a prefix if there is one.
func TestEmptyRecordStream(t *testing.T) {
	cfg := recordConfig(t, nil)
	cfg.Seal = func() ([]byte, *aead.Sealer, error) { return []byte("salt"), recordSealer(t), nil }
	cfg.PrefixSize = 4
	var wire bytes.Buffer // has no CloseWrite
	if err := mustWriter(t, &wire, cfg).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if want := append([]byte("salt"), twinRecords(t, nil)...); !bytes.Equal(wire.Bytes(), want) {
		t.Errorf("wire = %x, want %x", wire.Bytes(), want)
	}
	got, err := io.ReadAll(mustReader(t, &wire, cfg))
	if err != nil || len(got) != 0 {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestRecordConfigRefusals(t *testing.T) {
	for name, change := range map[string]func(*aead.ChunkConfig){
		"framing": func(c *aead.ChunkConfig) { c.Framing = aead.Records + 1 },
		"length":  func(c *aead.ChunkConfig) { c.MaxPayload = aead.MaxRecord + 1 },
		"First":   func(c *aead.ChunkConfig) { c.First = func(int) ([]byte, error) { return nil, nil } },
	} {
		cfg := recordConfig(t, nil)
		change(&cfg)
		if _, err := aead.NewChunkReader(&bytes.Buffer{}, cfg); !errors.Is(err, aead.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// twinOpenRecords opens a stream, up to its first fault.
func twinOpenRecords(wire []byte) (payload []byte, err error) {
	for i := uint64(0); ; i++ {
		if len(wire) < 2 {
			return payload, aead.ErrTruncated
		}
		header := binary.BigEndian.Uint16(wire)
		n := int(header &^ 0x8000)
		if n > 16366 {
			return payload, aead.ErrTooLong
		}
		if len(wire) < n+18 {
			return payload, aead.ErrTruncated
		}
		nonce := binary.BigEndian.AppendUint64(make([]byte, 4), i)
		p, err := paper{}.Open(nil, nonce, wire[2:n+18], wire[:2])
		if err != nil {
			return payload, aead.ErrOpen
		}
		payload = append(payload, p...)
		if header&0x8000 != 0 {
			return payload, nil
		}
		wire = wire[n+18:]
	}
}

func FuzzRecordReader(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add(append([]byte{0x80, 3, 'a', 'b', 'c', ('a' + 'b' + 'c') % 4}, make([]byte, 15)...), uint8(1))
	f.Add(append(append([]byte{0, 0}, make([]byte, 16)...), 0x80), uint8(9))
	f.Fuzz(func(t *testing.T, wire []byte, size uint8) {
		want, wantErr := twinOpenRecords(wire)
		for _, d := range drainers {
			l := newLedger()
			cfg := recordConfig(t, l)
			cfg.Open = func([]byte) (*aead.Opener, error) { return aead.NewOpener(paper{}, aead.BigEndian(0)) }
			got, err := d.drain(mustReader(t, newLayered(wire, 1+int(size), 1+int(size)*2), cfg))
			if !bytes.Equal(got, want) || !errors.Is(err, wantErr) {
				t.Errorf("%s: %d bytes, %v, the twin has %d, %v", d.name, len(got), err, len(want), wantErr)
			}
			l.check(t, 0)
		}
	})
}

package aead_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// This file speaks SIP022's stream headers as the package's user would, with
// a salt in place of a key derivation: what it is about is the framing.

const (
	saltSize   = 32
	fixedSize  = 1 + 8 + saltSize + 2 // of a response's header
	timestamp  = 1700000000
	serverType = 1
)

// sip022Response seals a response as the text has it: header, then the first
// payload under the next nonce, and chunks behind it.
func sip022Response(t testing.TB, first []byte, more ...[]byte) []byte {
	a := mustAEAD(t, aead.AES256GCM)
	nonce := newTwinNonce(a)
	wire := bytes.Repeat([]byte{'s'}, saltSize)
	wire = append(wire, a.Seal(nil, nonce, sip022Header(len(first)), nil)...)
	nonce.increment()
	wire = append(wire, a.Seal(nil, nonce, first, nil)...)
	nonce.increment()
	for _, p := range more {
		wire = append(wire, a.Seal(nil, nonce, []byte{byte(len(p) >> 8), byte(len(p))}, nil)...)
		nonce.increment()
		wire = append(wire, a.Seal(nil, nonce, p, nil)...)
		nonce.increment()
	}
	return wire
}

func sip022Header(length int) []byte {
	header := []byte{serverType}
	header = binary.BigEndian.AppendUint64(header, timestamp)
	header = append(header, bytes.Repeat([]byte{'r'}, saltSize)...)
	return binary.BigEndian.AppendUint16(header, uint16(length))
}

func sip022Config(t testing.TB, l *ledger) aead.ChunkConfig {
	a := mustAEAD(t, aead.AES256GCM)
	cfg := aead.ChunkConfig{
		MaxPayload: 0xFFFF,
		PrefixSize: saltSize + fixedSize + aead.TagSize,
		Open: func(prefix []byte) (*aead.Opener, error) {
			o := mustOpener(t, a)
			header, err := o.Open(nil, prefix[saltSize:], nil)
			if err != nil {
				return nil, err
			}
			if header[0] != serverType {
				return nil, errors.New("not a response")
			}
			o.Headless(int(binary.BigEndian.Uint16(header[fixedSize-2:])))
			return o, nil
		},
		Seal: func() ([]byte, *aead.Sealer, error) {
			return bytes.Repeat([]byte{'s'}, saltSize), mustSealer(t, a), nil
		},
		First: func(length int) ([]byte, error) { return sip022Header(length), nil },
	}
	if l != nil {
		cfg.Pool = l
	}
	return cfg
}

func TestFirstRecordFramedOtherwise(t *testing.T) {
	plain := randomBytes(4, 100_000)
	for name, write := range map[string]func(w *aead.ChunkWriter, p []byte) error{
		"Write":    func(w *aead.ChunkWriter, p []byte) error { _, err := w.Write(p); return err },
		"ReadFrom": func(w *aead.ChunkWriter, p []byte) error { _, err := w.ReadFrom(bytes.NewReader(p)); return err },
		"Readv":    func(w *aead.ChunkWriter, p []byte) error { _, err := w.ReadFrom(&scattered{rest: p}); return err },
	} {
		for _, n := range []int{1, 500, 17_000, len(plain)} {
			l := newLedger()
			var wire countedWrites
			w := mustWriter(t, &wire, sip022Config(t, l))
			if err := write(w, plain[:n]); err != nil {
				t.Fatal(err)
			}
			l.check(t, 0)
			sent := wire.Bytes()
			// The length of the first payload is the writer's own choice.
			a := mustAEAD(t, aead.AES256GCM)
			header, err := a.Open(nil, newTwinNonce(a), sent[saltSize:saltSize+fixedSize+16], nil)
			if err != nil {
				t.Fatalf("%s of %d bytes: header: %v", name, n, err)
			}
			first := int(binary.BigEndian.Uint16(header[fixedSize-2:]))
			if wire.firstLen < saltSize+fixedSize+16+first+16 {
				t.Errorf("%s of %d bytes: header and first payload are not in the first write", name, n)
			}
			if n <= 500 {
				if want := sip022Response(t, plain[:n]); !bytes.Equal(sent, want) {
					t.Errorf("%s of %d bytes: wire differs from the text's", name, n)
				}
			}
			for _, d := range drainers {
				l := newLedger()
				r := mustReader(t, newLayered(bytes.Clone(sent), 100, 3000), sip022Config(t, l))
				got, err := d.drain(r)
				if err != nil || !bytes.Equal(got, plain[:n]) {
					t.Errorf("%s of %d bytes, read by %s: %d bytes, %v", name, n, d.name, len(got), err)
				}
				l.check(t, 0)
			}
		}
	}
}

// Longer first payloads than a chunk of SIP004 has, and none at all; faults
// anywhere.
func TestHeadlessReader(t *testing.T) {
	for _, first := range []int{0, 1, 0x3FFF, 0x4000, 0xFFFF} {
		wire := sip022Response(t, randomBytes(1, first), randomBytes(2, 20_000), randomBytes(3, 5))
		want := bytes.Join([][]byte{randomBytes(1, first), randomBytes(2, 20_000), randomBytes(3, 5)}, nil)
		for _, d := range drainers {
			for _, size := range []int{100_000, 1000} {
				r := mustReader(t, newLayered(bytes.Clone(wire), size), sip022Config(t, nil))
				got, err := d.drain(r)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s, first payload of %d bytes: %d bytes, %v, want %d", d.name, first, len(got), err, len(want))
				}
			}
		}
	}
	wire := sip022Response(t, []byte("first"), []byte("second"))
	begin := saltSize
	for bit := 8 * begin; bit < 8*len(wire); bit++ {
		forged := bytes.Clone(wire)
		forged[bit/8] ^= 1 << (bit % 8)
		got, err := drainers[0].drain(mustReader(t, newLayered(forged, 1000), sip022Config(t, nil)))
		if !errors.Is(err, aead.ErrOpen) || len(got) > 5 {
			t.Fatalf("bit %d: %q, %v, want ErrOpen", bit, got, err)
		}
	}
	for n := range len(wire) {
		_, err := drainers[0].drain(mustReader(t, newLayered(wire[:n], 1000), sip022Config(t, nil)))
		if n == 0 || n == len(sip022Response(t, []byte("first"))) {
			continue // between two chunks a cut cannot be told from an end
		}
		if !errors.Is(err, aead.ErrTruncated) {
			t.Errorf("cut at %d: %v, want ErrTruncated", n, err)
		}
	}
	cfg := sip022Config(t, nil)
	cfg.MaxPayload = 4
	_, err := drainers[0].drain(mustReader(t, newLayered(wire, 1000), cfg))
	if !errors.Is(err, aead.ErrTooLong) {
		t.Errorf("first payload over the limit: %v", err)
	}
}

func TestHeadlessMisuse(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	o := mustOpener(t, a)
	for name, f := range map[string]func(){
		"negative": func() { o.Headless(-1) },
		"too long": func() { o.Headless(0x10000) },
		"inside a chunk": func() {
			o := mustOpener(t, a)
			_, _, _ = o.OpenChunk(nil, twinSeal(a, []byte("x"))[:18], 10)
			o.Headless(1)
		},
	} {
		if !panics(f) {
			t.Errorf("Headless: %s: no panic", name)
		}
	}
}

// A First that fails ends the stream, and nothing is sent.
func TestFirstFails(t *testing.T) {
	cfg := sip022Config(t, nil)
	bad := errors.New("no header today")
	cfg.First = func(int) ([]byte, error) { return nil, bad }
	var wire bytes.Buffer
	w := mustWriter(t, &wire, cfg)
	for range 2 {
		if n, err := w.Write([]byte("x")); n != 0 || !errors.Is(err, bad) {
			t.Errorf("Write = %d, %v, want %v", n, err, bad)
		}
	}
	if wire.Len() != 0 {
		t.Errorf("%d bytes were sent", wire.Len())
	}
}

// countedWrites notes how long the first write was.
type countedWrites struct {
	bytes.Buffer
	firstLen int
}

func (c *countedWrites) Write(p []byte) (int, error) {
	if c.firstLen == 0 {
		c.firstLen = len(p)
	}
	return c.Buffer.Write(p)
}

// A scattered source fills several slices at once.
type scattered struct{ rest []byte }

func (s *scattered) Read(p []byte) (int, error) { return s.Readv([][]byte{p}) }

func (s *scattered) Readv(bufs [][]byte) (n int, err error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	for _, b := range bufs {
		k := copy(b, s.rest)
		s.rest = s.rest[k:]
		n += k
	}
	return n, nil
}

package aead_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// The twin: SIP004 as its text has it, two calls of the standard library a
// chunk and no care for speed. It shares nothing with the package but New.

type twinNonce []byte

func newTwinNonce(a cipher.AEAD) twinNonce { return make(twinNonce, a.NonceSize()) }

func (n twinNonce) increment() {
	for i := range n {
		n[i]++
		if n[i] != 0 {
			return
		}
	}
}

// twinSeal seals payloads as a stream of chunks.
func twinSeal(a cipher.AEAD, payloads ...[]byte) []byte {
	var wire []byte
	nonce := newTwinNonce(a)
	for _, p := range payloads {
		length := []byte{byte(len(p) >> 8), byte(len(p))}
		wire = append(wire, a.Seal(nil, nonce, length, nil)...)
		nonce.increment()
		wire = append(wire, a.Seal(nil, nonce, p, nil)...)
		nonce.increment()
	}
	return wire
}

var (
	errTwinForged    = errors.New("twin: forged")
	errTwinLong      = errors.New("twin: length too long")
	errTwinTruncated = errors.New("twin: truncated")
)

// twinOpen opens a stream of chunks, up to its first fault.
func twinOpen(a cipher.AEAD, wire []byte) (payload []byte, err error) {
	nonce := newTwinNonce(a)
	r := bytes.NewReader(wire)
	for {
		head := make([]byte, 18)
		if _, err := io.ReadFull(r, head); err == io.EOF {
			return payload, nil
		} else if err != nil {
			return payload, errTwinTruncated
		}
		length, err := a.Open(nil, nonce, head, nil)
		if err != nil {
			return payload, errTwinForged
		}
		nonce.increment()
		n := int(length[0])<<8 | int(length[1])
		if n > 0x3FFF {
			return payload, errTwinLong
		}
		body := make([]byte, n+16)
		if _, err := io.ReadFull(r, body); err != nil {
			return payload, errTwinTruncated
		}
		p, err := a.Open(nil, nonce, body, nil)
		if err != nil {
			return payload, errTwinForged
		}
		nonce.increment()
		payload = append(payload, p...)
	}
}

// A paper AEAD seals nothing: its tag is a sum of the nonce and the text. With
// it a fuzzer can forge, and so gets at the code behind authentication.
type paper struct{}

func (paper) NonceSize() int { return 12 }
func (paper) Overhead() int  { return 16 }

func (paper) tag(nonce, text []byte) byte {
	sum := nonce[0]
	for _, b := range text {
		sum += b
	}
	return sum % 4
}

func (p paper) Seal(dst, nonce, plaintext, _ []byte) []byte {
	tag := make([]byte, 16)
	tag[0] = p.tag(nonce, plaintext)
	return append(append(dst, plaintext...), tag...)
}

func (p paper) Open(dst, nonce, record, _ []byte) ([]byte, error) {
	text, tag := record[:len(record)-16], record[len(record)-16:]
	if tag[0]%4 != p.tag(nonce, text) {
		return nil, errors.New("paper: wrong tag")
	}
	return append(dst, text...), nil
}

var allSuites = []aead.Suite{
	aead.AES128GCM, aead.AES256GCM, aead.ChaCha20Poly1305, aead.XChaCha20Poly1305,
}

func mustAEAD(t testing.TB, s aead.Suite) cipher.AEAD {
	t.Helper()
	key := make([]byte, s.KeySize())
	for i := range key {
		key[i] = byte(i*7 + int(s))
	}
	a, err := aead.New(s, key)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func mustSealer(t testing.TB, a cipher.AEAD) *aead.Sealer {
	t.Helper()
	s, err := aead.NewSealer(a, aead.LittleEndian(0))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustOpener(t testing.TB, a cipher.AEAD) *aead.Opener {
	t.Helper()
	o, err := aead.NewOpener(a, aead.LittleEndian(0))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// randomBytes returns n bytes that depend on seed alone.
func randomBytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	_, _ = rng.Read(b)
	return b
}

// cut splits b into pieces of the given lengths, the last of what is left.
func cut(b []byte, lengths ...int) [][]byte {
	var out [][]byte
	for _, n := range lengths {
		n = min(n, len(b))
		out = append(out, b[:n])
		b = b[n:]
	}
	if len(b) > 0 {
		out = append(out, b)
	}
	return out
}

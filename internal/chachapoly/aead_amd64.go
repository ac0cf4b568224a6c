//go:build !purego

package chachapoly

import (
	"crypto/cipher"
	"crypto/fips140"
	"errors"
	"sync/atomic"
	"unsafe"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/headrace-go/headrace/internal/cpufeat"
)

const (
	keySize    = chacha20poly1305.KeySize
	nonceSize  = chacha20poly1305.NonceSize
	nonceSizeX = chacha20poly1305.NonceSizeX
	tagSize    = chacha20poly1305.Overhead

	// The counter of blocks has 32 bits, and starts at 1.
	maxText = (1<<32 - 2) * 64
	// Additional data is hashed block by block, in one call.
	maxAdditional = 1 << 16
)

var (
	errOpen = errors.New("chachapoly: message authentication failed")
	errFIPS = errors.New("chachapoly: ChaCha20-Poly1305 is not allowed in FIPS 140-only mode")
	errKey  = errors.New("chachapoly: incorrect length of key")
)

// AEAD is ChaCha20-Poly1305 under one key. It is safe for concurrent use. It
// takes 96 bytes, in two allocations: the key, and the same key in
// golang.org/x/crypto's form, for the records that this does not do faster.
type AEAD struct {
	key   [keySize]byte
	other cipher.AEAD
	// last is the length of the payload that OpenChunk opened last: most
	// streams have many chunks of one length.
	last atomic.Int32
}

var _ cipher.AEAD = (*AEAD)(nil)

// New returns ChaCha20-Poly1305 under a key of 32 bytes, which it copies.
func New(key []byte) (*AEAD, error) {
	if fips140.Enforced() {
		return nil, errFIPS
	}
	if len(key) != keySize {
		return nil, errKey
	}
	other, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	return &AEAD{key: [keySize]byte(key), other: other}, nil
}

// A span is lengths of text, from and up to but not including.
type span struct{ from, to int }

// A choice is the lengths that golang.org/x/crypto is faster at.
type choice struct{ seal, open [2]span }

// others are those of this processor: some, where 512 bits are done as two
// halves (KERNEL.md).
var others = func() choice {
	if !cpufeat.Halves() {
		return choice{}
	}
	return choice{
		seal: [2]span{{shortText + 1, 312}},
		open: [2]span{{shortText + 1, 312}, {512, 600}},
	}
}()

func has(s *[2]span, n int) bool {
	return s[0].from <= n && n < s[0].to || s[1].from <= n && n < s[1].to
}

// NonceSize returns 12.
func (*AEAD) NonceSize() int { return nonceSize }

// Overhead returns 16.
func (*AEAD) Overhead() int { return tagSize }

// Seal appends to dst the sealed plaintext and its tag. It panics if nonce is
// not of 12 bytes.
//
// Seal keeps no slice. To seal in place use plaintext[:0] as dst; Seal panics
// if what it appends overlaps plaintext in any other way, or additionalData.
// With enough capacity it does not allocate (TestAllocs).
// Source: RFC 8439, section 2.8.
func (x *AEAD) Seal(dst, nonce, plaintext, additionalData []byte) []byte {
	if len(nonce) != nonceSize {
		panic("chachapoly: incorrect nonce length given to Seal")
	}
	if uint64(len(plaintext)) > maxText {
		panic("chachapoly: message too large for Seal")
	}
	if has(&others.seal, len(plaintext)) || len(additionalData) > maxAdditional {
		return x.other.Seal(dst, nonce, plaintext, additionalData)
	}
	return seal(&x.key, dst, (*[nonceSize]byte)(nonce), plaintext, additionalData)
}

func seal(key *[keySize]byte, dst []byte, nonce *[nonceSize]byte, plaintext, additionalData []byte) []byte {
	n := len(plaintext)
	whole, out := extend(dst, n+tagSize)
	if shifted(out, plaintext) {
		panic("chachapoly: invalid buffer overlap of output and input")
	}
	if overlap(out, additionalData) {
		panic("chachapoly: invalid buffer overlap of output and additional data")
	}
	a := call{
		dst: &out[0], src: unsafe.SliceData(plaintext), n: n,
		key: &key[0], nonces: &nonce[0],
		aad: unsafe.SliceData(additionalData), aadN: len(additionalData),
		tag: &out[n],
	}
	a.run()
	return whole
}

// Open appends to dst the opened ciphertext. It panics if nonce is not of 12
// bytes, and returns an error, and leaves nothing of the plaintext behind
// dst, if ciphertext and additionalData are not what was sealed.
//
// Open keeps no slice. To open in place use ciphertext[:0] as dst; Open panics
// if what it appends overlaps ciphertext in any other way, or additionalData.
// With enough capacity it does not allocate (TestAllocs).
// Source: RFC 8439, section 2.8.
func (x *AEAD) Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error) {
	if len(nonce) != nonceSize {
		panic("chachapoly: incorrect nonce length given to Open")
	}
	if len(ciphertext) < tagSize {
		return nil, errOpen
	}
	if uint64(len(ciphertext)) > maxText+tagSize {
		panic("chachapoly: ciphertext too large for Open")
	}
	if has(&others.open, len(ciphertext)-tagSize) || len(additionalData) > maxAdditional {
		plaintext, err := x.other.Open(dst, nonce, ciphertext, additionalData)
		if err != nil {
			return nil, errOpen
		}
		return plaintext, nil
	}
	return open(&x.key, dst, (*[nonceSize]byte)(nonce), ciphertext, additionalData)
}

func open(key *[keySize]byte, dst []byte, nonce *[nonceSize]byte, ciphertext, additionalData []byte) ([]byte, error) {
	n := len(ciphertext) - tagSize
	whole, out := extend(dst, n)
	if shifted(out, ciphertext[:n]) {
		panic("chachapoly: invalid buffer overlap of output and input")
	}
	if overlap(out, additionalData) {
		panic("chachapoly: invalid buffer overlap of output and additional data")
	}
	a := call{
		dst: unsafe.SliceData(out), src: &ciphertext[0], n: n,
		key: &key[0], nonces: &nonce[0],
		aad: unsafe.SliceData(additionalData), aadN: len(additionalData),
		tag: &ciphertext[n], mode: modeOpen,
	}
	a.run()
	if a.diff != 0 {
		clear(out)
		return nil, errOpen
	}
	return whole, nil
}

package aead

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// A Suite is an algorithm that protects records. The zero Suite is none.
type Suite uint8

const (
	AES128GCM         Suite = 1 + iota // SP 800-38D, nonces of 12 bytes
	AES256GCM                          // the same, with a key of 32 bytes
	ChaCha20Poly1305                   // RFC 8439
	XChaCha20Poly1305                  // draft-irtf-cfrg-xchacha-03, nonces of 24 bytes
)

// TagSize is the length of the tag of every suite, in bytes.
const TagSize = 16

var suites = [...]struct {
	name    string
	keySize int
}{
	AES128GCM:         {"AES-128-GCM", 16},
	AES256GCM:         {"AES-256-GCM", 32},
	ChaCha20Poly1305:  {"ChaCha20-Poly1305", 32},
	XChaCha20Poly1305: {"XChaCha20-Poly1305", 32},
}

func (s Suite) known() bool { return s != 0 && int(s) < len(suites) }

// String returns the usual name of s, such as "AES-256-GCM".
func (s Suite) String() string {
	if !s.known() {
		return fmt.Sprintf("Suite(%d)", uint8(s))
	}
	return suites[s].name
}

// KeySize is the length of a key, in bytes, and 0 for an unknown suite.
func (s Suite) KeySize() int {
	if !s.known() {
		return 0
	}
	return suites[s].keySize
}

// New returns the AEAD of suite s under key, of which it keeps nothing but
// what it derives. Where the standard library's is the fastest for every
// length, it is the standard library's own value. Like that, it is safe for
// concurrent use.
//
// The error is ErrSuite, a *KeySizeError, or what the implementation said: in
// FIPS 140 mode some suites are refused.
func New(s Suite, key []byte) (cipher.AEAD, error) {
	if !s.known() {
		return nil, fmt.Errorf("%w: %v", ErrSuite, s)
	}
	if len(key) != s.KeySize() {
		return nil, &KeySizeError{Suite: s, Size: len(key)}
	}
	switch s {
	case ChaCha20Poly1305:
		return chacha20poly1305.New(key)
	case XChaCha20Poly1305:
		return chacha20poly1305.NewX(key)
	default:
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		return cipher.NewGCM(block)
	}
}

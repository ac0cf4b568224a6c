package aead

import (
	"crypto/cipher"
	"fmt"

	"github.com/headrace-go/headrace/internal/suites"
)

// A Suite is an algorithm that protects records. The zero Suite is none.
type Suite uint8

const (
	AES128GCM         = Suite(suites.AES128GCM)         // SP 800-38D, nonces of 12 bytes
	AES256GCM         = Suite(suites.AES256GCM)         // the same, with a key of 32 bytes
	ChaCha20Poly1305  = Suite(suites.ChaCha20Poly1305)  // RFC 8439
	XChaCha20Poly1305 = Suite(suites.XChaCha20Poly1305) // draft-irtf-cfrg-xchacha-03, nonces of 24 bytes
)

// TagSize is the length of the tag of every suite, in bytes.
const TagSize = 16

func (s Suite) known() bool { return suites.ID(s).Known() }

// String returns the usual name of s, such as "AES-256-GCM".
func (s Suite) String() string {
	if !s.known() {
		return fmt.Sprintf("Suite(%d)", uint8(s))
	}
	return suites.ID(s).String()
}

// KeySize is the length of a key, in bytes, and 0 for an unknown suite.
func (s Suite) KeySize() int {
	if !s.known() {
		return 0
	}
	return suites.ID(s).KeySize()
}

// NonceSize is the length of a nonce, in bytes, and 0 for an unknown suite.
func (s Suite) NonceSize() int {
	if !s.known() {
		return 0
	}
	return suites.ID(s).NonceSize()
}

// New returns the AEAD of suite s under key, of which it keeps nothing but
// what it derives. It is the best that Backends lists for s: where one is the
// fastest at every length, that one's own value, such as the standard
// library's, and otherwise one that chooses by the length of each record. It
// is safe for concurrent use, and behaves as the standard library's does: it
// panics if a nonce has not NonceSize bytes, or if buffers overlap inexactly.
//
// The first New of a suite tests its backends, in some tens of microseconds;
// one that fails is never used. The environment variable HEADRACE_AEAD
// restricts the choice: it lists, separated by commas, the names of the
// backends that may be used beside the standard library's; "std" means that
// none may.
//
// The error is ErrSuite, a *KeySizeError, or what the implementation said. In
// FIPS 140 mode New refuses suites that are not approved and uses nothing but
// the standard library's module; under fips140=only that refuses New as well,
// since its caller chooses the nonces.
func New(s Suite, key []byte) (cipher.AEAD, error) {
	if !s.known() {
		return nil, fmt.Errorf("%w: %v", ErrSuite, s)
	}
	if len(key) != s.KeySize() {
		return nil, &KeySizeError{Suite: s, Size: len(key)}
	}
	return suites.Default().New(suites.ID(s), key)
}

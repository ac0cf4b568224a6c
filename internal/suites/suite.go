package suites

import (
	"crypto/aes"
	"crypto/cipher"

	"golang.org/x/crypto/chacha20poly1305"
)

// An ID is a suite.
type ID uint8

// The suites.
const (
	AES128GCM ID = 1 + iota
	AES256GCM
	ChaCha20Poly1305
	XChaCha20Poly1305

	last = XChaCha20Poly1305
)

// An info is what is known of a suite.
type info struct {
	name      string
	keySize   int
	nonceSize int
	approved  bool // by FIPS 140
	std       func(key []byte) (cipher.AEAD, error)
}

var infos = [...]info{
	AES128GCM:         {"AES-128-GCM", 16, 12, true, newGCM},
	AES256GCM:         {"AES-256-GCM", 32, 12, true, newGCM},
	ChaCha20Poly1305:  {"ChaCha20-Poly1305", 32, 12, false, chacha20poly1305.New},
	XChaCha20Poly1305: {"XChaCha20-Poly1305", 32, 24, false, chacha20poly1305.NewX},
}

// All lists the suites.
func All() []ID { return []ID{AES128GCM, AES256GCM, ChaCha20Poly1305, XChaCha20Poly1305} }

// Known reports whether there is such a suite.
func (id ID) Known() bool { return id != 0 && id <= last }

// String is the usual name of a known suite.
func (id ID) String() string { return infos[id].name }

// KeySize is the length of a known suite's keys, in bytes.
func (id ID) KeySize() int { return infos[id].keySize }

// NonceSize is the length of a known suite's nonces, in bytes.
func (id ID) NonceSize() int { return infos[id].nonceSize }

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

package aeadtest

import (
	"crypto/aes"
	"crypto/cipher"

	"golang.org/x/crypto/chacha20poly1305"
)

// A Suite is what an implementation claims to be.
type Suite struct {
	Name      string
	KeySize   int
	NonceSize int
	// Reference is the implementation to compare with.
	Reference func(key []byte) (cipher.AEAD, error)

	vectors string // a file of testdata/wycheproof
	slow    func(key, nonce []byte) slowSuite
}

// The suites.
var (
	AES128GCM         = Suite{"AES-128-GCM", 16, 12, stdGCM, "aes_gcm_test.json", slowGCM}
	AES256GCM         = Suite{"AES-256-GCM", 32, 12, stdGCM, "aes_gcm_test.json", slowGCM}
	ChaCha20Poly1305  = Suite{"ChaCha20-Poly1305", 32, 12, chacha20poly1305.New, "chacha20_poly1305_test.json", slowChaCha}
	XChaCha20Poly1305 = Suite{"XChaCha20-Poly1305", 32, 24, chacha20poly1305.NewX, "xchacha20_poly1305_test.json", slowXChaCha}
)

func stdGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

const tagSize = 16

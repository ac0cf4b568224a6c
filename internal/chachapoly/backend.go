package chachapoly

import "crypto/cipher"

// A Backend is one implementation.
type Backend struct {
	// Name is "zmm", after the registers used.
	Name string
	// Unavailable is why the backend cannot be used here, or empty.
	Unavailable string
	// New returns the AEAD under a key of 32 bytes, which it copies. It
	// returns an error if the key has another length.
	New func(key []byte) (cipher.AEAD, error)
}

// Backends returns all backends for ChaCha20-Poly1305, the best first: none
// where there is no assembly.
func Backends() []Backend { return backends() }

// BackendsX returns all backends for XChaCha20-Poly1305, the best first.
func BackendsX() []Backend { return backendsX() }

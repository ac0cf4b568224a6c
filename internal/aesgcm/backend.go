package aesgcm

import "crypto/cipher"

// A Backend is one implementation.
type Backend struct {
	// Name is "zmm" or "ymm", after the registers used.
	Name string
	// Unavailable is why the backend cannot or should not be used here, or
	// empty.
	Unavailable string
	// New returns the AEAD under a key of 16 or 32 bytes, a *GCM, and keeps
	// nothing of key but what it derives. It does not look at Unavailable.
	New func(key []byte) (cipher.AEAD, error)
}

// Backends returns all backends, the best first, or none if there is no
// assembly in this build.
func Backends() []Backend { return backends() }

//go:build !purego

package chachapoly

import (
	"crypto/cipher"
	"crypto/fips140"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"
)

// XAEAD is XChaCha20-Poly1305 under one key: each record has a key of its own,
// made of the key and the first 16 bytes of its nonce by HChaCha20. It is safe
// for concurrent use, and takes 32 bytes.
type XAEAD struct{ key [keySize]byte }

var _ cipher.AEAD = (*XAEAD)(nil)

// NewX returns XChaCha20-Poly1305 under a key of 32 bytes, which it copies.
func NewX(key []byte) (*XAEAD, error) {
	if fips140.Enforced() {
		return nil, errFIPS
	}
	if len(key) != keySize {
		return nil, errKey
	}
	return &XAEAD{key: [keySize]byte(key)}, nil
}

// NonceSize returns 24.
func (*XAEAD) NonceSize() int { return nonceSizeX }

// Overhead returns 16.
func (*XAEAD) Overhead() int { return tagSize }

// derive makes the key and the nonce of one record.
func (x *XAEAD) derive(nonce []byte) (key [keySize]byte, rest [nonceSize]byte) {
	derived, err := chacha20.HChaCha20(x.key[:], nonce[:16])
	if err != nil {
		panic("chachapoly: " + err.Error()) // the lengths are right
	}
	copy(key[:], derived)
	clear(derived)
	copy(rest[4:], nonce[16:])
	return key, rest
}

// other is golang.org/x/crypto's, for very long additional data.
func (x *XAEAD) other() cipher.AEAD {
	a, err := chacha20poly1305.NewX(x.key[:])
	if err != nil {
		panic("chachapoly: " + err.Error()) // the length is right
	}
	return a
}

// Seal appends to dst the sealed plaintext and its tag. It panics if nonce is
// not of 24 bytes. Slices, overlap and allocations are as for AEAD.Seal.
// Source: draft-irtf-cfrg-xchacha-03, section 2.3.
func (x *XAEAD) Seal(dst, nonce, plaintext, additionalData []byte) []byte {
	if len(nonce) != nonceSizeX {
		panic("chachapoly: incorrect nonce length given to Seal")
	}
	if uint64(len(plaintext)) > maxText {
		panic("chachapoly: message too large for Seal")
	}
	if len(additionalData) > maxAdditional {
		return x.other().Seal(dst, nonce, plaintext, additionalData)
	}
	key, rest := x.derive(nonce)
	whole := seal(&key, dst, &rest, plaintext, additionalData)
	clear(key[:])
	return whole
}

// Open appends to dst the opened ciphertext. It panics if nonce is not of 24
// bytes, and returns an error, and leaves nothing of the plaintext behind
// dst, if ciphertext and additionalData are not what was sealed. Slices,
// overlap and allocations are as for AEAD.Open.
// Source: draft-irtf-cfrg-xchacha-03, section 2.3.
func (x *XAEAD) Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error) {
	if len(nonce) != nonceSizeX {
		panic("chachapoly: incorrect nonce length given to Open")
	}
	if len(ciphertext) < tagSize {
		return nil, errOpen
	}
	if uint64(len(ciphertext)) > maxText+tagSize {
		panic("chachapoly: ciphertext too large for Open")
	}
	if len(additionalData) > maxAdditional {
		return x.other().Open(dst, nonce, ciphertext, additionalData)
	}
	key, rest := x.derive(nonce)
	plaintext, err := open(&key, dst, &rest, ciphertext, additionalData)
	clear(key[:])
	return plaintext, err
}

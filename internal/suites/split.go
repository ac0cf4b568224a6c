package suites

import (
	"crypto/cipher"

	"github.com/headrace-go/headrace/internal/fused"
)

// A split is an AEAD that has several implementations under one key, and takes
// for each record the one that is best at its length.
type split struct {
	cipher.AEAD     // for records that are longer than all below
	from        int // the shortest plaintext for it
	below       cipher.AEAD
}

// A choice is a backend for records from some length on.
type choice struct {
	*candidate
	from int
}

// newAEAD makes an AEAD of choices, each for longer records than the next.
func newAEAD(chosen []choice, key []byte) (cipher.AEAD, error) {
	a, err := chosen[0].New(key)
	if err != nil || len(chosen) == 1 {
		return a, err
	}
	below, err := newAEAD(chosen[1:], key)
	if err != nil {
		return nil, err
	}
	s := &split{AEAD: a, from: chosen[0].from, below: below}
	sealer, canSeal := a.(fused.ChunkSealer)
	opener, canOpen := a.(fused.ChunkOpener)
	if canSeal && canOpen {
		return &splitChunks{split: s, ChunkSealer: sealer, ChunkOpener: opener}, nil
	}
	return s, nil
}

// Trim gives up what both sides can make anew.
func (s *split) Trim() {
	for _, a := range []cipher.AEAD{s.AEAD, s.below} {
		fused.Trim(a)
	}
}

func (s *split) Seal(dst, nonce, plaintext, additionalData []byte) []byte {
	if len(plaintext) < s.from {
		return s.below.Seal(dst, nonce, plaintext, additionalData)
	}
	return s.AEAD.Seal(dst, nonce, plaintext, additionalData)
}

func (s *split) Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error) {
	if len(ciphertext) < s.from+fused.TagSize {
		return s.below.Open(dst, nonce, ciphertext, additionalData)
	}
	return s.AEAD.Open(dst, nonce, ciphertext, additionalData)
}

// splitChunks is a split whose long side has chunks in one call. That call is
// better than two of anybody's at every length.
type splitChunks struct {
	*split
	fused.ChunkSealer
	fused.ChunkOpener
}

package aead

import (
	"errors"
	"fmt"
	"io"
)

var (
	// ErrOpen: a record failed authentication. It was altered, or sealed
	// under another key or nonce.
	ErrOpen = errors.New("aead: record failed authentication")

	// ErrNonceExhausted: the nonces of a Sequence, or those that were reserved
	// of one, are used up.
	ErrNonceExhausted = errors.New("aead: nonces exhausted")

	// ErrKeyLimit: the records or bytes that a Sequence allows under one key
	// are used up.
	ErrKeyLimit = errors.New("aead: limit of the key reached")

	// ErrTooLong: a peer announced a payload longer than the framing allows.
	ErrTooLong = errors.New("aead: payload length beyond the limit")

	// ErrTruncated: a stream ended inside a record, or inside its prefix.
	// It matches io.ErrUnexpectedEOF under errors.Is.
	ErrTruncated = fmt.Errorf("aead: stream ended inside a record: %w", io.ErrUnexpectedEOF)

	// ErrSuite: there is no such suite.
	ErrSuite = errors.New("aead: unknown suite")

	// ErrConfig: a ChunkConfig makes no sense.
	ErrConfig = errors.New("aead: invalid ChunkConfig")
)

// A KeySizeError reports a key of the wrong length.
type KeySizeError struct {
	Suite Suite
	Size  int // of the key, in bytes
}

// Error names the suite and both sizes.
func (e *KeySizeError) Error() string {
	return fmt.Sprintf("aead: %v takes a key of %d bytes, not %d", e.Suite, e.Suite.KeySize(), e.Size)
}

// Package fused says how a cipher.AEAD may offer more than one record in one
// call, and how a package of kernels shows what it has.
//
// A kernel package, such as internal/aesgcm, imports nothing of this. It has
//
//	type Backend struct {
//		Name        string // such as "vaes-zmm"; part of HEADRACE_AEAD
//		Unavailable string // why it cannot run here, "" if it can
//		New         func(key []byte) (cipher.AEAD, error)
//	}
//
//	func Backends() []Backend // the fastest first; none where none is built
//
// and its AEADs behave as the standard library's do, byte for byte: append
// semantics, a panic on a nonce of the wrong length and on inexact overlap,
// nothing left of the plaintext when Open fails. Keys are copied. New refuses
// a key of the wrong length. The AEADs are safe for concurrent use. Where they
// also have a method of an interface below, it is found by a type assertion,
// once for a Sealer or an Opener. Package aeadtest judges all of it.
package fused

import "crypto/cipher"

// Sizes of a chunk, a record that is framed by its length: the length, two
// bytes, is sealed under one nonce, the payload under the next.
const (
	TagSize   = 16
	NonceSize = 12
	// Headroom is what precedes a payload: the sealed length.
	Headroom = 2 + TagSize
	// Overhead is how much longer than its payload a chunk is.
	Overhead = Headroom + TagSize
	// MaxPayload is the longest payload that the length can tell.
	MaxPayload = 0xFFFF
)

// A ChunkSealer seals length and payload in one call.
type ChunkSealer interface {
	// SealChunk appends a chunk to dst and returns the result: the length of
	// payload, most significant byte first, sealed under nonces[:12], then
	// payload sealed under nonces[12:24]; there is no additional data. The
	// payload has at most MaxPayload bytes.
	//
	// No slice is kept, and nothing is changed but dst's spare capacity. In
	// place, payload begins Headroom bytes behind the end of dst in the same
	// array; with any other overlap of payload and what is appended,
	// SealChunk panics. Nonces overlap neither. With enough capacity in dst
	// it does not allocate.
	SealChunk(dst, nonces, payload []byte) []byte
}

// A ChunkOpener opens length and payload in one call.
type ChunkOpener interface {
	// OpenChunk opens the chunk that src begins with, of which at least
	// Headroom bytes are there: the length under nonces[:12] and, if src has
	// the whole chunk and its length is at most limit, the payload under
	// nonces[12:24], which it appends to dst.
	//
	// It returns how many bytes the chunk takes, length + Overhead, and dst
	// with the payload. If size is more than len(src) or limit + Overhead,
	// then only the length is authentic, and plaintext is nil: the payload has
	// not been looked at. An error means that one of the two is not authentic;
	// then nothing of the plaintext is left behind dst, and size says nothing.
	//
	// No slice is kept, and nothing is changed but dst's spare capacity. In
	// place, dst is src[Headroom:Headroom]; with any other overlap of the
	// sealed payload and what is appended, OpenChunk panics. With enough
	// capacity in dst it does not allocate.
	OpenChunk(dst, nonces, src []byte, limit int) (plaintext []byte, size int, err error)
}

// Trim has a give up what it keeps beside its key and can make anew, such as the
// powers of a hash, if it has anything of that kind. It may be in use.
func Trim(a cipher.AEAD) {
	if t, ok := a.(interface{ Trim() }); ok {
		t.Trim()
	}
}

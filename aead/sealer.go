package aead

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/headrace-go/headrace/internal/fused"
)

// Sizes of a chunk: a record that is framed by its length, as Shadowsocks has
// it. The length, two bytes, is sealed under one nonce, the payload under the
// next.
const (
	// ChunkHeadroom is what precedes a payload: the sealed length.
	ChunkHeadroom = lengthSize + TagSize
	// ChunkTailroom is what follows a payload: its tag.
	ChunkTailroom = TagSize
	// ChunkOverhead is how much longer than its payload a chunk is.
	ChunkOverhead = ChunkHeadroom + ChunkTailroom

	// MaxPayload is the longest payload of a Shadowsocks chunk (SIP004).
	MaxPayload = 0x3FFF

	lengthSize = 2
	maxLength  = 0xFFFF
)

// A Sealer seals the records of one direction of a stream, and sees to it that
// no nonce comes twice. It must not be copied, and is not safe for concurrent
// use.
type Sealer struct {
	_      noCopy
	aead   cipher.AEAD
	chunks fused.ChunkSealer // the same, if it has chunks in one call
	nonces nonces
}

// NewSealer returns a Sealer that seals with a under the nonces of seq. It
// fails if a has tags of other than 16 bytes, or nonces of other than 12 to 24,
// or of another length than seq needs.
func NewSealer(a cipher.AEAD, seq Sequence) (*Sealer, error) {
	n, err := begin(a, seq)
	if err != nil {
		return nil, err
	}
	return newSealer(a, n), nil
}

func newSealer(a cipher.AEAD, n nonces) *Sealer {
	s := &Sealer{aead: a, nonces: n}
	if n.size == fused.NonceSize {
		s.chunks, _ = a.(fused.ChunkSealer)
	}
	return s
}

// Headroom is how far behind the end of dst a plaintext has to begin that Seal
// is to seal in place: 0, or 24 bytes if nonces are Random and sent along.
func (s *Sealer) Headroom() int { return s.nonces.headroom() }

// Overhead is how much longer than its plaintext a record becomes by Seal:
// Headroom and TagSize.
func (s *Sealer) Overhead() int { return s.nonces.headroom() + TagSize }

// Seal appends the sealed plaintext to dst: as many bytes, and TagSize more,
// and in front of them the nonce, if nonces are Random.
//
// Seal keeps no slice. To seal in place let plaintext begin Headroom bytes
// after the end of dst, in the same array: with a counter, use plaintext[:0] as
// dst. Otherwise dst's spare capacity must not overlap plaintext, nor
// additionalData in any case: Seal panics if it does. Each call consumes one
// nonce, before there is any output. The error is ErrNonceExhausted or
// ErrKeyLimit, before any nonce could repeat, and stays. With enough capacity
// Seal allocates nothing but what the AEAD does (TestSealAllocs).
// Source: RFC 5116, section 2.1.
func (s *Sealer) Seal(dst, plaintext, additionalData []byte) ([]byte, error) {
	if nonce := s.nonces.next1(len(plaintext)); nonce != nil {
		return s.aead.Seal(dst, nonce, plaintext, additionalData), nil
	}
	if err := s.nonces.reserve(1, uint64(len(plaintext))); err != nil {
		return nil, err
	}
	return s.seal(dst, plaintext, additionalData), nil
}

// seal is Seal, after reserve.
func (s *Sealer) seal(dst, plaintext, additionalData []byte) []byte {
	if s.nonces.kind != random {
		return s.aead.Seal(dst, s.nonces.take(), plaintext, additionalData)
	}
	start := len(dst)
	dst = slices.Grow(dst, maxNonceSize+len(plaintext)+TagSize)[:start+maxNonceSize]
	nonce := dst[start:]
	if overlap(nonce, plaintext) || overlap(nonce, additionalData) {
		panic("aead: plaintext or additional data overlaps its nonce")
	}
	_, _ = rand.Read(nonce) // never fails: a program without randomness is ended
	return s.aead.Seal(dst, nonce, plaintext, additionalData)
}

// SealChunk appends one chunk to dst: the sealed length of payload, then the
// sealed payload, ChunkOverhead bytes more than payload. It panics if payload
// is longer than 65535 bytes, or if nonces are Random; Shadowsocks' own limits
// are MaxPayload in SIP004, and 65535 in SIP022.
//
// SealChunk keeps no slice. To seal in place let payload begin ChunkHeadroom
// bytes after the end of dst, in the same array; otherwise dst's spare
// capacity must not overlap payload: SealChunk panics if it does. Each call
// consumes two nonces, before there is any output. The error is
// ErrNonceExhausted or ErrKeyLimit, before any nonce could repeat, and stays.
// With enough capacity SealChunk allocates nothing but what the AEAD does
// (TestSealAllocs).
// Source: SIP004, "TCP".
func (s *Sealer) SealChunk(dst, payload []byte) ([]byte, error) {
	if len(payload) > maxLength {
		panic("aead: chunk payload longer than 65535 bytes")
	}
	if s.nonces.kind == random {
		panic("aead: chunks with random nonces")
	}
	if err := s.nonces.reserve(2, uint64(len(payload))); err != nil {
		return nil, err
	}
	if s.chunks != nil {
		return s.chunks.SealChunk(dst, s.nonces.pair(), payload), nil
	}
	start := len(dst)
	dst = slices.Grow(dst, len(payload)+ChunkOverhead)[:start+ChunkHeadroom]
	length := dst[start:]
	if overlap(length, payload) {
		panic("aead: chunk payload overlaps its sealed length")
	}
	binary.BigEndian.PutUint16(length, uint16(len(payload)))
	s.aead.Seal(length[:0], s.nonces.take(), length[:lengthSize], nil)
	return s.aead.Seal(dst, s.nonces.take(), payload, nil), nil
}

// ReserveSeq cuts the next n nonces off, and returns a Sealer for them, under
// the same key, that belongs to another goroutine: a batch may be sealed by
// several at once, each with nonces of its own. If there is a limit of bytes
// it gets its share of what is left. The error is ErrNonceExhausted or
// ErrKeyLimit, and stays.
func (s *Sealer) ReserveSeq(n uint64) (*Sealer, error) {
	part, err := s.nonces.split(n)
	if err != nil {
		return nil, err
	}
	return newSealer(s.aead, part), nil
}

// overlap reports whether a and b share memory.
func overlap(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	a0, b0 := uintptr(unsafe.Pointer(&a[0])), uintptr(unsafe.Pointer(&b[0]))
	return a0 < b0+uintptr(len(b)) && b0 < a0+uintptr(len(a))
}

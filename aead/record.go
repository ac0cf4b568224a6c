package aead

import (
	"encoding/binary"
	"slices"
)

// Sizes of a record of this package's own format, for those who design a
// protocol. It begins with two bytes, most significant first: its top bit is
// set in the last record of a stream, the others tell the length of the
// payload. They are sent in the clear, and are the additional data of what
// follows, the sealed payload. A record takes one nonce. So the order of
// records, their number and the end of the stream are authentic, and a stream
// that is cut anywhere is found out.
const (
	// RecordHeadroom is what precedes a payload.
	RecordHeadroom = 2
	// RecordOverhead is how much longer than its payload a record is.
	RecordOverhead = RecordHeadroom + TagSize
	// MaxRecord is the longest payload of a record.
	MaxRecord = 0x7FFF

	finalBit = 0x8000
)

// SealRecord appends one record to dst. final marks the last of a stream,
// after which SealRecord must not be called. It panics if payload is longer
// than MaxRecord, or if nonces are Random.
//
// SealRecord keeps no slice. To seal in place let payload begin RecordHeadroom
// bytes after the end of dst, in the same array; otherwise dst's spare
// capacity must not overlap payload: SealRecord panics if it does. Each call
// consumes one nonce, before there is any output. The error is
// ErrNonceExhausted or ErrKeyLimit, and stays. With enough capacity SealRecord
// allocates nothing but what the AEAD does (TestSealAllocs).
func (s *Sealer) SealRecord(dst, payload []byte, final bool) ([]byte, error) {
	if len(payload) > MaxRecord {
		panic("aead: record payload longer than MaxRecord")
	}
	if s.nonces.kind == random {
		panic("aead: records with random nonces")
	}
	if err := s.nonces.reserve(1, uint64(len(payload))); err != nil {
		return nil, err
	}
	start := len(dst)
	dst = slices.Grow(dst, len(payload)+RecordOverhead)[:start+RecordHeadroom]
	if overlap(dst[start:], payload) {
		panic("aead: record payload overlaps its header")
	}
	header := uint16(len(payload))
	if final {
		header |= finalBit
	}
	binary.BigEndian.PutUint16(dst[start:], header)
	// The header is written in front of what it is the additional data of.
	return s.aead.Seal(dst, s.nonces.take(), payload, dst[start:]), nil
}

// OpenRecord opens the record that src begins with, appends its payload to
// dst, and returns dst, how many bytes of src the record takes, and whether it
// is the last of its stream.
//
// If size is more than len(src), the record has not arrived in full: there is
// no payload, and size is how many bytes are needed to go on. A length beyond
// limit is ErrTooLong. After the last record OpenRecord must not be called.
//
// OpenRecord keeps no slice. To open in place use
// src[RecordHeadroom:RecordHeadroom] as dst; otherwise dst's spare capacity
// must not overlap src, which is left as it is. Each record consumes one nonce.
// The error is ErrOpen, ErrTooLong, ErrNonceExhausted or ErrKeyLimit, and
// stays; whatever OpenRecord wrote behind dst is cleared then. With enough
// capacity OpenRecord allocates nothing but what the AEAD does
// (TestOpenAllocs).
func (o *Opener) OpenRecord(dst, src []byte, limit int) (payload []byte, size int, final bool, err error) {
	size, err = o.recordSize(src, limit)
	if err != nil || size > len(src) {
		return nil, size, false, err
	}
	payload, err = o.open(dst, src[RecordHeadroom:size], src[:RecordHeadroom])
	if err != nil {
		return nil, 0, false, err
	}
	return payload, size, src[0]&(finalBit>>8) != 0, nil
}

// recordSize returns how many bytes the record that src begins with takes, as
// far as src tells.
func (o *Opener) recordSize(src []byte, limit int) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	if o.nonces.kind == random {
		panic("aead: records with random nonces")
	}
	if len(src) < RecordHeadroom {
		return RecordHeadroom, nil
	}
	length := int(binary.BigEndian.Uint16(src) &^ finalBit)
	if length > limit {
		o.err = ErrTooLong
		return 0, o.err
	}
	return length + RecordOverhead, nil
}

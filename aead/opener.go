package aead

import (
	"crypto/cipher"
	"encoding/binary"
)

// An Opener opens the records of one direction of a stream, in their order.
// The first record that fails poisons it: every later call returns the same
// error, since nothing behind a forged record can be trusted. It must not be
// copied, and is not safe for concurrent use.
type Opener struct {
	_      noCopy
	aead   cipher.AEAD
	nonces nonces
	err    error

	opened bool // the length of the chunk under way is known
	length int  // and is this
	buf    [lengthSize + TagSize]byte
}

// NewOpener returns an Opener that opens with a under the nonces of seq. It
// fails if a has tags of other than 16 bytes, or nonces of other than 12 to 24.
func NewOpener(a cipher.AEAD, seq Sequence) (*Opener, error) {
	n, err := begin(a, seq)
	if err != nil {
		return nil, err
	}
	return &Opener{aead: a, nonces: n}, nil
}

// Open appends the plaintext of record to dst.
//
// Open keeps no slice. To open in place use record[:0] as dst; otherwise
// dst's spare capacity must not overlap record. Each call consumes one nonce.
// The error is ErrOpen or ErrNonceExhausted, and stays; whatever Open wrote
// behind dst is cleared then. With enough capacity Open allocates nothing but
// what the AEAD does (TestOpenAllocs).
// Source: RFC 5116, section 2.2.
func (o *Opener) Open(dst, record, additionalData []byte) ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	return o.open(dst, record, additionalData)
}

// OpenChunk opens the chunk that src begins with, appends its payload to dst,
// and returns dst and how many bytes of src the chunk takes.
//
// If size is more than len(src), the chunk has not arrived in full: there is
// no payload, and size is how many bytes are needed to go on. Call again with
// the same chunk and at least so many. The sealed length is opened only once,
// as soon as it is there; a length beyond limit is ErrTooLong.
//
// OpenChunk keeps no slice. To open in place use
// src[ChunkHeadroom:ChunkHeadroom] as dst; otherwise dst's spare capacity must
// not overlap src, which is left as it is. Each chunk consumes two nonces. The
// error is ErrOpen, ErrTooLong or ErrNonceExhausted, and stays; whatever
// OpenChunk wrote behind dst is cleared then. With enough capacity OpenChunk
// allocates nothing but what the AEAD does (TestOpenAllocs).
// Source: SIP004, "TCP".
func (o *Opener) OpenChunk(dst, src []byte, limit int) (payload []byte, size int, err error) {
	size, err = o.chunkSize(src, limit)
	if err != nil || size > len(src) {
		return nil, size, err
	}
	o.opened = false
	payload, err = o.open(dst, src[ChunkHeadroom:size], nil)
	return payload, size, err
}

// chunkSize returns how many bytes the chunk that src begins with takes, as
// far as src tells: ChunkHeadroom until the sealed length has arrived.
func (o *Opener) chunkSize(src []byte, limit int) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	if !o.opened {
		if len(src) < ChunkHeadroom {
			return ChunkHeadroom, nil
		}
		// Not in place: src stays as it is for a dst elsewhere.
		b, err := o.open(o.buf[:0], src[:ChunkHeadroom], nil)
		if err != nil {
			return 0, err
		}
		if o.length = int(binary.BigEndian.Uint16(b)); o.length > limit {
			o.err = ErrTooLong
			return 0, o.err
		}
		o.opened = true
	}
	return o.length + ChunkOverhead, nil
}

func (o *Opener) open(dst, record, additionalData []byte) ([]byte, error) {
	if o.err = o.nonces.reserve(1); o.err != nil {
		return nil, o.err
	}
	plaintext, err := o.aead.Open(dst, o.nonces.take(), record, additionalData)
	if err != nil {
		// The implementations clear their output themselves; that is no
		// part of cipher.AEAD's contract.
		spare := dst[len(dst):cap(dst)]
		clear(spare[:min(len(spare), max(0, len(record)-TagSize))])
		o.err = ErrOpen
		return nil, o.err
	}
	return plaintext, nil
}

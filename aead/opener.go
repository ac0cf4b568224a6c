package aead

import (
	"crypto/cipher"
	"encoding/binary"

	"github.com/headrace-go/headrace/internal/fused"
)

// An Opener opens the records of one direction of a stream, in their order.
// The first record that fails poisons it: every later call returns the same
// error, since nothing behind a forged record can be trusted. It must not be
// copied, and is not safe for concurrent use.
type Opener struct {
	_      noCopy
	aead   cipher.AEAD
	chunks fused.ChunkOpener // the same, if it has chunks in one call
	nonces nonces
	err    error

	opened   bool // the length of the chunk under way is known
	headless bool // and was not sent in front of it
	length   int
	buf      [lengthSize + TagSize]byte
}

// NewOpener returns an Opener that opens with a under the nonces of seq. It
// fails if a has tags of other than 16 bytes, or nonces of other than 12 to 24,
// or of another length than seq needs.
func NewOpener(a cipher.AEAD, seq Sequence) (*Opener, error) {
	n, err := begin(a, seq)
	if err != nil {
		return nil, err
	}
	return newOpener(a, n), nil
}

func newOpener(a cipher.AEAD, n nonces) *Opener {
	o := &Opener{aead: a, nonces: n}
	if n.size == fused.NonceSize {
		o.chunks, _ = a.(fused.ChunkOpener)
	}
	return o
}

// ReserveSeq cuts the next n nonces off, and returns an Opener for them, as
// Sealer.ReserveSeq does. A forged record poisons only the Opener that it was
// given to. A chunk that is under way has to be finished before.
func (o *Opener) ReserveSeq(n uint64) (*Opener, error) {
	if o.err != nil {
		return nil, o.err
	}
	if o.opened {
		panic("aead: ReserveSeq inside a chunk")
	}
	part, err := o.nonces.split(n)
	if err != nil {
		o.err = err
		return nil, err
	}
	return newOpener(o.aead, part), nil
}

// Open appends the plaintext of record to dst. If nonces are Random, record
// begins with its nonce.
//
// Open keeps no slice. To open in place use record[:0] as dst, or record[24:24]
// behind a nonce; otherwise dst's spare capacity must not overlap record. Each
// call consumes one nonce. The error is ErrOpen, ErrNonceExhausted or
// ErrKeyLimit, and stays; whatever Open wrote behind dst is cleared then. With
// enough capacity Open allocates nothing but what the AEAD does
// (TestOpenAllocs).
// Source: RFC 5116, section 2.2.
func (o *Opener) Open(dst, record, additionalData []byte) ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	if nonce := o.nonces.next1(max(0, len(record)-TagSize)); nonce != nil {
		plaintext, err := o.aead.Open(dst, nonce, record, additionalData)
		if err == nil {
			return plaintext, nil
		}
		clearBehind(dst, len(record)-TagSize)
		o.err = ErrOpen
		return nil, ErrOpen
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
// error is ErrOpen, ErrTooLong, ErrNonceExhausted or ErrKeyLimit, and stays;
// whatever OpenChunk wrote behind dst is cleared then. With enough capacity
// OpenChunk allocates nothing but what the AEAD does (TestOpenAllocs). It
// panics if nonces are Random.
// Source: SIP004, "TCP".
func (o *Opener) OpenChunk(dst, src []byte, limit int) (payload []byte, size int, err error) {
	if o.chunks != nil && !o.opened && o.err == nil && len(src) >= ChunkHeadroom && o.nonces.left >= 2 {
		return o.openFused(dst, src, limit)
	}
	size, err = o.chunkSize(src, limit)
	if err != nil || size > len(src) {
		return nil, size, err
	}
	head := o.head()
	o.opened, o.headless = false, false
	payload, err = o.open(dst, src[head:size], nil)
	return payload, size, err
}

// openFused is OpenChunk where length and payload can be opened in one call.
func (o *Opener) openFused(dst, src []byte, limit int) (payload []byte, size int, err error) {
	_ = o.nonces.reserve(2, 0) // there are two
	most := int(min(uint64(limit), o.nonces.bytes))
	payload, size, err = o.chunks.OpenChunk(dst, o.nonces.pair(), src, most)
	length := size - ChunkOverhead
	switch {
	case err != nil:
		o.err = ErrOpen
	case length > limit:
		o.err = ErrTooLong
	case length <= most && size <= len(src):
		o.nonces.bytes -= uint64(length)
		return payload, size, nil
	default:
		// Only the length was opened.
		o.opened, o.length = true, length
		o.nonces.putBack()
		return o.OpenChunk(dst, src, limit)
	}
	return nil, 0, o.err
}

// Headless says that the next chunk comes without its sealed length, under
// one nonce, and that its payload has length bytes: the protocol has told so
// elsewhere, as the headers of SIP022 do. It panics inside a chunk, and if
// length is not in 0..65535.
func (o *Opener) Headless(length int) {
	if o.opened || length < 0 || length > maxLength {
		panic("aead: Headless inside a chunk, or with an impossible length")
	}
	o.opened, o.headless, o.length = true, true, length
}

// head is how many bytes precede the payload of the next chunk.
func (o *Opener) head() int {
	if o.headless {
		return 0
	}
	return ChunkHeadroom
}

// chunkSize returns how many bytes the chunk that src begins with takes, as
// far as src tells: ChunkHeadroom until the sealed length has arrived.
func (o *Opener) chunkSize(src []byte, limit int) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	if o.headless {
		if o.length > limit {
			o.err = ErrTooLong
			return 0, o.err
		}
		return o.length + TagSize, nil
	}
	if !o.opened {
		if o.nonces.kind == random {
			panic("aead: chunks with random nonces")
		}
		if len(src) < ChunkHeadroom {
			return ChunkHeadroom, nil
		}
		// Not in place: src stays as it is for a dst elsewhere.
		b, err := o.openSealed(o.buf[:0], src[:ChunkHeadroom], nil, 0)
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
	return o.openSealed(dst, record, additionalData, max(0, len(record)-TagSize-o.nonces.headroom()))
}

// openSealed opens a record that counts as so many bytes of plaintext.
func (o *Opener) openSealed(dst, record, additionalData []byte, bytes int) ([]byte, error) {
	if o.err = o.nonces.reserve(1, uint64(bytes)); o.err != nil {
		return nil, o.err
	}
	var nonce []byte
	if o.nonces.kind != random {
		nonce = o.nonces.take()
	} else if len(record) < maxNonceSize {
		o.err = ErrOpen
		return nil, o.err
	} else {
		nonce, record = record[:maxNonceSize], record[maxNonceSize:]
	}
	plaintext, err := o.aead.Open(dst, nonce, record, additionalData)
	if err != nil {
		clearBehind(dst, len(record)-TagSize)
		o.err = ErrOpen
		return nil, o.err
	}
	return plaintext, nil
}

// clearBehind clears what an implementation may have left of n bytes of
// plaintext. They all do so themselves; that is no part of cipher.AEAD's
// contract.
func clearBehind(dst []byte, n int) {
	spare := dst[len(dst):cap(dst)]
	clear(spare[:min(len(spare), max(0, n))])
}

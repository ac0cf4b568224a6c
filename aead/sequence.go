package aead

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/headrace-go/headrace/internal/fused"
)

// A Sequence says which nonces the records under one key have, where to
// begin, and where to end at the latest. It is a description, and holds no
// position: two Sealers with the same key must never be given the same one.
// The zero Sequence is LittleEndian(0).
type Sequence struct {
	kind           kind
	first          uint64
	iv             string // of StaticIV
	records, bytes uint64 // limits; 0: none
}

// A kind is how a position becomes a nonce.
type kind uint8

const (
	littleEndian kind = iota
	bigEndian
	staticIV
	random
)

// LittleEndian is a counter over the whole nonce, least significant byte
// first, that goes up by one with each nonce. This is the sequence of
// Shadowsocks, which begins at 0 (SIP004, SIP022). It ends before 2^64 - 1.
func LittleEndian(first uint64) Sequence { return Sequence{kind: littleEndian, first: first} }

// BigEndian is a counter over the whole nonce, most significant byte first,
// that goes up by one with each nonce. It ends before 2^64 - 1.
func BigEndian(first uint64) Sequence { return Sequence{kind: bigEndian, first: first} }

// StaticIV is iv, which is as long as a nonce, XORed with a counter as BigEndian
// has it: the sequence of TLS 1.3 (RFC 8446, section 5.3) and QUIC. It keeps a
// copy of iv. It ends before 2^64 - 1.
func StaticIV(iv []byte, first uint64) Sequence {
	return Sequence{kind: staticIV, first: first, iv: string(iv)}
}

// Random is a fresh random nonce for each record, which is sent in front of
// it: a Sealer puts it there and an Opener takes it from there, so that records
// are 24 bytes longer, and may be opened in any order. It is for nonces of 24
// bytes alone, those of XChaCha20-Poly1305: shorter ones would soon collide. It
// is not for chunks.
func Random() Sequence { return Sequence{kind: random} }

// MaxRecords is s with an end after n nonces at the latest: one for each
// record, two for each chunk. Then the error is ErrKeyLimit. Zero is no limit.
//
// AES-GCM under random plaintexts loses its margin slowly: TLS 1.3 takes
// 2^24.5 records of full length for a key (RFC 8446, section 5.5).
func (s Sequence) MaxRecords(n uint64) Sequence {
	s.records = n
	return s
}

// MaxBytes is s with an end before more than n bytes of plaintext: the record
// that would go beyond is refused with ErrKeyLimit, and so is all that
// follows. Zero is no limit.
func (s Sequence) MaxBytes(n uint64) Sequence {
	s.bytes = n
	return s
}

const (
	minNonceSize = 12
	maxNonceSize = 24
)

// nonces is a position in a Sequence.
type nonces struct {
	next  uint64
	left  uint64 // nonces
	bytes uint64 // of plaintext that are left
	iv    uint64 // XORed with the counter, as it lies in the nonce
	size  int
	at    int // where the counter is
	kind  kind
	err   error // why left is 0
	buf   [2 * fused.NonceSize]byte
}

// begin refuses an AEAD that the constants of this package do not describe.
func begin(a cipher.AEAD, seq Sequence) (nonces, error) {
	size := a.NonceSize()
	if size < minNonceSize || size > maxNonceSize {
		return nonces{}, fmt.Errorf("aead: nonces of %d bytes are not supported", size)
	}
	if n := a.Overhead(); n != TagSize {
		return nonces{}, fmt.Errorf("aead: tags of %d bytes are not supported", n)
	}
	c := nonces{
		next: seq.first, left: math.MaxUint64 - seq.first, bytes: math.MaxUint64,
		size: size, kind: seq.kind, err: ErrNonceExhausted,
	}
	if seq.kind != littleEndian {
		c.at = size - 8
	}
	switch seq.kind {
	case staticIV:
		if len(seq.iv) != size {
			return nonces{}, fmt.Errorf("aead: static IV of %d bytes for nonces of %d", len(seq.iv), size)
		}
		c.iv = binary.LittleEndian.Uint64([]byte(seq.iv[size-8:]))
		copy(c.buf[:], seq.iv)
		if size == fused.NonceSize {
			copy(c.buf[size:], seq.iv)
		}
	case random:
		if size != maxNonceSize {
			return nonces{}, fmt.Errorf("aead: random nonces of %d bytes may collide", size)
		}
	}
	if seq.records != 0 && seq.records <= c.left {
		c.left, c.err = seq.records, ErrKeyLimit
	}
	if seq.bytes != 0 {
		c.bytes = seq.bytes
	}
	return c, nil
}

// reserve grants n calls of take, for so many bytes of plaintext, or none from
// now on.
func (c *nonces) reserve(n, bytes uint64) error {
	switch {
	case c.left < n:
	case c.bytes < bytes:
		c.err = ErrKeyLimit
	default:
		c.left -= n
		c.bytes -= bytes
		return nil
	}
	c.left = 0
	return c.err
}

// headroom is how many bytes of nonce are sent along.
func (c *nonces) headroom() int {
	if c.kind == random {
		return c.size
	}
	return 0
}

// next1 is reserve(1, bytes) and take for a counter, small enough to be
// inlined. It is nil if there is no such nonce, or nonces are random.
func (c *nonces) next1(bytes int) []byte {
	if c.left == 0 || c.bytes < uint64(bytes) || c.kind == random {
		return nil
	}
	c.left--
	c.bytes -= uint64(bytes)
	return c.take()
}

// take returns the next nonce of a counter, which is valid until the next
// call. It has moved on by then: whatever its caller does, the nonce does not
// come again.
func (c *nonces) take() []byte {
	n := c.next
	c.next++
	if c.kind != littleEndian {
		n = bits.ReverseBytes64(n) ^ c.iv
	}
	binary.LittleEndian.PutUint64(c.buf[c.at:], n)
	return c.buf[:c.size]
}

// pair returns the next two nonces, of 12 bytes each, as take does.
func (c *nonces) pair() []byte {
	a, b := c.next, c.next+1
	c.next += 2
	if c.kind != littleEndian {
		a, b = bits.ReverseBytes64(a)^c.iv, bits.ReverseBytes64(b)^c.iv
	}
	binary.LittleEndian.PutUint64(c.buf[c.at:], a)
	binary.LittleEndian.PutUint64(c.buf[fused.NonceSize+c.at:], b)
	return c.buf[:]
}

// putBack undoes the second half of a pair, which was not used.
func (c *nonces) putBack() {
	c.next--
	c.left++
}

// split cuts the next n nonces off, with their share of the bytes.
func (c *nonces) split(n uint64) (nonces, error) {
	if c.left < n {
		c.left = 0
		return nonces{}, c.err
	}
	part := *c
	part.left, part.err = n, ErrNonceExhausted
	if c.bytes < math.MaxUint64 && n > 0 {
		hi, lo := bits.Mul64(c.bytes, n)
		part.bytes, _ = bits.Div64(hi, lo, c.left) // n <= left: it fits
		c.bytes -= part.bytes
	}
	c.left -= n
	c.next += n
	return part, nil
}

// noCopy makes vet report copies of what contains it.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

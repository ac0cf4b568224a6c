package aead

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math"
)

// A Sequence says which nonces the records under one key have, and where to
// begin. It is a description, and holds no position: two Sealers with the same
// key must never be given the same one. The zero Sequence is LittleEndian(0).
type Sequence struct {
	first uint64
}

// LittleEndian is a counter over the whole nonce, least significant byte
// first, that goes up by one with each nonce. This is the sequence of
// Shadowsocks, which begins at 0 (SIP004). It ends before 2^64 - 1.
func LittleEndian(first uint64) Sequence { return Sequence{first: first} }

const (
	minNonceSize = 12
	maxNonceSize = 24
)

// nonces is a position in a Sequence.
type nonces struct {
	next uint64
	left uint64
	size int
	buf  [maxNonceSize]byte
}

// begin refuses an AEAD that the constants of this package do not describe.
func begin(a cipher.AEAD, seq Sequence) (nonces, error) {
	if n := a.NonceSize(); n < minNonceSize || n > maxNonceSize {
		return nonces{}, fmt.Errorf("aead: nonces of %d bytes are not supported", n)
	}
	if n := a.Overhead(); n != TagSize {
		return nonces{}, fmt.Errorf("aead: tags of %d bytes are not supported", n)
	}
	return nonces{next: seq.first, left: math.MaxUint64 - seq.first, size: a.NonceSize()}, nil
}

// reserve grants n calls of take, or none from now on.
func (c *nonces) reserve(n uint64) error {
	if c.left < n {
		c.left = 0
		return ErrNonceExhausted
	}
	c.left -= n
	return nil
}

// take returns the next nonce, which is valid until the next call. It has
// moved on by then: whatever its caller does, the nonce does not come again.
func (c *nonces) take() []byte {
	binary.LittleEndian.PutUint64(c.buf[:], c.next)
	c.next++
	return c.buf[:c.size]
}

// noCopy makes vet report copies of what contains it.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

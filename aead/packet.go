package aead

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
)

// Datagrams come in any order, more than once, or not at all, and anybody may
// send some: a forged one is ErrOpen, and no reason to stop. So each says by
// itself what its nonce is, and no type of this file and of packetsession.go is
// poisoned. Whether an authentic datagram is fresh is another question: see
// ReplayWindow.

// SaltedPackets seals and opens datagrams that begin with a random salt, from
// which the key of this one datagram is derived; the nonce is all zeros. This
// is the UDP form of Shadowsocks' SIP004. It is safe for concurrent use if its
// function is.
type SaltedPackets struct {
	saltSize int
	key      func(salt []byte) (cipher.AEAD, error)
}

// NewSaltedPackets returns SaltedPackets with salts of saltSize bytes, 16 at
// least, so that they never collide. key derives the AEAD of one datagram, and
// may not keep the salt; what it allocates is allocated for each datagram.
func NewSaltedPackets(saltSize int, key func(salt []byte) (cipher.AEAD, error)) (*SaltedPackets, error) {
	if saltSize < 16 {
		return nil, fmt.Errorf("aead: salts of %d bytes may collide", saltSize)
	}
	if key == nil {
		return nil, errors.New("aead: salted packets without a key")
	}
	return &SaltedPackets{saltSize: saltSize, key: key}, nil
}

// Headroom is what precedes the payload of a datagram, in bytes.
func (p *SaltedPackets) Headroom() int { return p.saltSize }

// Overhead is how much longer than its payload a datagram is, in bytes.
func (p *SaltedPackets) Overhead() int { return p.saltSize + TagSize }

// Seal appends a datagram to dst: salt, sealed payload, tag. It keeps neither
// slice. To seal in place let payload begin Headroom bytes after the end of
// dst, in the same array; otherwise dst's spare capacity must not overlap it:
// Seal panics if it does. The error is that of the key.
func (p *SaltedPackets) Seal(dst, payload []byte) ([]byte, error) {
	start := len(dst)
	dst = slices.Grow(dst, p.saltSize+len(payload)+TagSize)[:start+p.saltSize]
	salt := dst[start:]
	if overlap(salt, payload) {
		panic("aead: payload overlaps its salt")
	}
	_, _ = rand.Read(salt)
	a, err := p.key(salt)
	if err != nil {
		return nil, err
	}
	return a.Seal(dst, zeroNonce[:a.NonceSize()], payload, nil), nil
}

// Open appends the payload of packet to dst. It keeps neither slice, and leaves
// packet as it is unless it opens in place, with packet[Headroom:Headroom] as
// dst; otherwise dst's spare capacity must not overlap packet. The error is
// ErrOpen, or that of the key; whatever Open wrote behind dst is cleared then.
func (p *SaltedPackets) Open(dst, packet []byte) ([]byte, error) {
	if len(packet) < p.Overhead() {
		return nil, ErrOpen
	}
	a, err := p.key(packet[:p.saltSize:p.saltSize])
	if err != nil {
		return nil, err
	}
	return openPacket(a, dst, zeroNonce[:a.NonceSize()], packet[p.saltSize:])
}

// zeroNonce is read only.
var zeroNonce [maxNonceSize]byte

// openPacket opens a sealed payload, and poisons nobody.
func openPacket(a cipher.AEAD, dst, nonce, sealed []byte) ([]byte, error) {
	plaintext, err := a.Open(dst, nonce, sealed, nil)
	if err != nil {
		clearBehind(dst, len(sealed)-TagSize)
		return nil, ErrOpen
	}
	return plaintext, nil
}

// RandomPackets seals and opens datagrams that begin with a random nonce of 24
// bytes. This is the UDP form of Shadowsocks' SIP022 for
// 2022-blake3-chacha20-poly1305, whose session and packet IDs are a part of
// the payload. It is safe for concurrent use.
type RandomPackets struct{ aead cipher.AEAD }

// NewRandomPackets returns RandomPackets under a, an XChaCha20-Poly1305: it
// refuses nonces of any other length than 24 bytes, since shorter ones would
// soon collide.
func NewRandomPackets(a cipher.AEAD) (*RandomPackets, error) {
	if _, err := begin(a, Random()); err != nil {
		return nil, err
	}
	return &RandomPackets{aead: a}, nil
}

// Headroom is what precedes the payload of a datagram, in bytes.
func (p *RandomPackets) Headroom() int { return maxNonceSize }

// Overhead is how much longer than its payload a datagram is, in bytes.
func (p *RandomPackets) Overhead() int { return maxNonceSize + TagSize }

// Seal appends a datagram to dst: nonce, sealed payload, tag. Ownership and
// aliasing are those of SaltedPackets.Seal. With enough capacity it allocates
// nothing but what the AEAD does (TestPacketAllocs).
func (p *RandomPackets) Seal(dst, payload []byte) []byte {
	start := len(dst)
	dst = slices.Grow(dst, p.Overhead()+len(payload))[:start+maxNonceSize]
	nonce := dst[start:]
	if overlap(nonce, payload) {
		panic("aead: payload overlaps its nonce")
	}
	_, _ = rand.Read(nonce)
	return p.aead.Seal(dst, nonce, payload, nil)
}

// Open appends the payload of packet to dst. Ownership and aliasing are those
// of SaltedPackets.Open; the error is ErrOpen. With enough capacity it
// allocates nothing but what the AEAD does (TestPacketAllocs).
func (p *RandomPackets) Open(dst, packet []byte) ([]byte, error) {
	if len(packet) < p.Overhead() {
		return nil, ErrOpen
	}
	return openPacket(p.aead, dst, packet[:maxNonceSize], packet[maxNonceSize:])
}

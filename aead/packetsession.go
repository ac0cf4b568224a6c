package aead

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// PacketHeadroom is what precedes the payload of a datagram of a session: its
// encrypted header.
const PacketHeadroom = aes.BlockSize

// PacketOverhead is how much longer than its payload such a datagram is.
const PacketOverhead = PacketHeadroom + TagSize

// A PacketSealer seals the datagrams of one session. They begin with the
// numbers of session and packet, in one block that is encrypted by itself; the
// last 12 bytes of its plaintext are the nonce of the payload. This is the UDP
// form of Shadowsocks' SIP022 for 2022-blake3-aes-128-gcm and -256-gcm. It
// must not be copied, and is not safe for concurrent use.
type PacketSealer struct {
	_       noCopy
	header  cipher.Block
	aead    cipher.AEAD
	session uint64
	next    uint64
	nonce   [PacketHeadroom]byte
}

// NewPacketSealer returns a PacketSealer of a session whose payloads a seals,
// under a key that is this session's own, and whose headers header encrypts,
// under the key that all sessions share. The session's number has to be
// random. Packets are numbered from 0.
func NewPacketSealer(header cipher.Block, a cipher.AEAD, session uint64) (*PacketSealer, error) {
	if err := fitsSession(header, a); err != nil {
		return nil, err
	}
	return &PacketSealer{header: header, aead: a, session: session}, nil
}

func fitsSession(header cipher.Block, a cipher.AEAD) error {
	if n := header.BlockSize(); n != PacketHeadroom {
		return fmt.Errorf("aead: packet headers in blocks of %d bytes are not supported", n)
	}
	if n := a.NonceSize(); n != minNonceSize {
		return fmt.Errorf("aead: packets with nonces of %d bytes are not supported", n)
	}
	return nil
}

// Seal appends the next datagram to dst: PacketOverhead bytes more than
// payload. It keeps neither slice. To seal in place let payload begin
// PacketHeadroom bytes after the end of dst, in the same array; otherwise dst's
// spare capacity must not overlap it: Seal panics if it does. The error is
// ErrNonceExhausted, before any number could repeat, and stays. With enough
// capacity it allocates nothing but what the AEAD does (TestPacketAllocs).
func (s *PacketSealer) Seal(dst, payload []byte) ([]byte, error) {
	if s.next == math.MaxUint64 {
		return nil, ErrNonceExhausted
	}
	number := s.next
	s.next++
	start := len(dst)
	dst = slices.Grow(dst, len(payload)+PacketOverhead)[:start+PacketHeadroom]
	head := dst[start:]
	if overlap(head, payload) {
		panic("aead: payload overlaps its header")
	}
	binary.BigEndian.PutUint64(s.nonce[:], s.session)
	binary.BigEndian.PutUint64(s.nonce[8:], number)
	s.header.Encrypt(head, s.nonce[:])
	return s.aead.Seal(dst, s.nonce[PacketHeadroom-minNonceSize:], payload, nil), nil
}

// A PacketOpener opens the datagrams of any sessions whose headers are under
// the same key, as PacketSealer makes them. It must not be copied, and is not
// safe for concurrent use.
type PacketOpener struct {
	_      noCopy
	header cipher.Block
	block  [PacketHeadroom]byte
}

// NewPacketOpener returns a PacketOpener whose headers header decrypts.
func NewPacketOpener(header cipher.Block) (*PacketOpener, error) {
	if n := header.BlockSize(); n != PacketHeadroom {
		return nil, fmt.Errorf("aead: packet headers in blocks of %d bytes are not supported", n)
	}
	return &PacketOpener{header: header}, nil
}

// Header returns the numbers of session and packet that packet claims: they
// are authentic only after Open. They tell which AEAD to open it with. The
// error is ErrOpen, if packet is too short to be one.
func (o *PacketOpener) Header(packet []byte) (session, number uint64, err error) {
	if len(packet) < PacketOverhead {
		return 0, 0, ErrOpen
	}
	o.header.Decrypt(o.block[:], packet[:PacketHeadroom])
	return binary.BigEndian.Uint64(o.block[:]), binary.BigEndian.Uint64(o.block[8:]), nil
}

// Open appends the payload of packet to dst, by a, which is the session's. It
// keeps neither slice, and leaves packet as it is unless it opens in place,
// with packet[PacketHeadroom:PacketHeadroom] as dst; otherwise dst's spare
// capacity must not overlap packet. The error is ErrOpen; whatever Open wrote
// behind dst is cleared then. Packet numbers may come again: ask the session's
// ReplayWindow when Open has found them authentic. With enough capacity Open
// allocates nothing but what the AEAD does (TestPacketAllocs).
func (o *PacketOpener) Open(a cipher.AEAD, dst, packet []byte) ([]byte, error) {
	if err := fitsSession(o.header, a); err != nil {
		return nil, err
	}
	if _, _, err := o.Header(packet); err != nil {
		return nil, err
	}
	return openPacket(a, dst, o.block[PacketHeadroom-minNonceSize:], packet[PacketHeadroom:])
}

package ss

import (
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// MaxDatagramOverhead is by how much a datagram may be longer than its payload:
// the salt, the longest address, and the tag.
const MaxDatagramOverhead = maxKeySize + socks.MaxAddrLen + aead.TagSize

// ErrDatagram: a datagram is too short to be one.
var ErrDatagram = errors.New("ss: datagram too short")

// datagramNonce is the nonce of every datagram: each has a key of its own.
var datagramNonce [12]byte

// SealDatagram appends to dst the datagram that carries payload from or to a: a
// salt, and what is sealed under its key. It keeps no slice, and dst's spare
// capacity must not overlap payload. Source: SIP004, "UDP".
//
// The salt is added to own, unless that is nil, so that the datagram is refused
// by OpenDatagram if somebody sends it back.
func (k *Key) SealDatagram(dst []byte, a socks.Addr, payload []byte, own *Salts) ([]byte, error) {
	d := derivers.Get().(*deriver)
	defer derivers.Put(d)
	salt, err := d.salt(k.saltSize())
	if err != nil {
		return nil, err
	}
	sealer, err := k.datagramAEAD(d, salt)
	if err != nil {
		return nil, err
	}
	if own != nil {
		own.Add(salt)
	}
	dst = append(dst, salt...)
	start := len(dst)
	dst = append(a.Append(dst), payload...)
	return sealer.Seal(dst[:start], datagramNonce[:], dst[start:], nil), nil
}

// OpenDatagram opens a datagram where it lies, and returns the address and the
// payload in it. It keeps no slice. The error is ErrDatagram, aead.ErrOpen, or
// that of an address.
//
// If seen is not nil, a datagram whose salt is in it is refused with ErrReplay,
// and that of an authentic one is added.
func (k *Key) OpenDatagram(b []byte, seen *Salts) (a socks.Addr, payload []byte, err error) {
	plain, err := k.open(b, seen)
	if err != nil {
		return socks.Addr{}, nil, err
	}
	a, payload, err = socks.ParseAddr(plain)
	if err != nil {
		return socks.Addr{}, nil, fmt.Errorf("ss: datagram: %w", err)
	}
	return a, payload, nil
}

// OpenToSOCKS opens a datagram where it lies, as OpenDatagram does, and returns
// the part of b that is now a SOCKS5 datagram with the same address and payload.
func (k *Key) OpenToSOCKS(b []byte, seen *Salts) ([]byte, error) {
	plain, err := k.open(b, seen)
	if err != nil {
		return nil, err
	}
	if _, _, err := socks.ParseAddr(plain); err != nil {
		return nil, fmt.Errorf("ss: datagram: %w", err)
	}
	// Both have the address in one form, and the salt leaves room for a header.
	head := k.saltSize() - socks.DatagramHead
	clear(b[head:k.saltSize()])
	return b[head : k.saltSize()+len(plain)], nil
}

// open leaves the plaintext behind the salt of b.
func (k *Key) open(b []byte, seen *Salts) (plain []byte, err error) {
	if len(b) < k.saltSize()+aead.TagSize {
		return nil, ErrDatagram
	}
	d := derivers.Get().(*deriver)
	defer derivers.Put(d)
	salt, sealed := b[:k.saltSize()], b[k.saltSize():]
	opener, err := k.datagramAEAD(d, salt)
	if err != nil {
		return nil, err
	}
	plain, err = opener.Open(sealed[:0], datagramNonce[:], sealed, nil)
	if err != nil {
		return nil, aead.ErrOpen
	}
	if seen != nil && !seen.Add(salt) {
		return nil, ErrReplay
	}
	return plain, nil
}

func (k *Key) datagramAEAD(d *deriver, salt []byte) (cipher.AEAD, error) {
	return aead.New(k.suite, d.subkey(k.master, salt))
}

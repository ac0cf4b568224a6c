package socks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// ErrFragment: the datagram is a fragment, which a relay may leave unsupported
// and then has to drop.
var ErrFragment = errors.New("socks: fragment of a datagram")

// DatagramHead is the length of what a datagram has in front of its address:
// two reserved bytes, and the number of a fragment, 0 for a whole one.
const DatagramHead = 3

// MaxHeaderLen is the length of the longest header of a datagram, in bytes.
const MaxHeaderLen = DatagramHead + MaxAddrLen

// ParseAddr returns the address that b begins with, and what is behind it.
// If b ends first the error is io.ErrUnexpectedEOF. It allocates a name, and
// errors.
func ParseAddr(b []byte) (a Addr, rest []byte, err error) {
	if len(b) < 2 {
		return Addr{}, nil, shortAddr()
	}
	var host int // b[1:host] is the host, with the length of a name
	switch b[0] {
	case typeIPv4:
		host = 1 + 4
	case typeIPv6:
		host = 1 + 16
	case typeName:
		host = 1 + 1 + int(b[1])
	default:
		return Addr{}, nil, fmt.Errorf("%w %#x", ErrAddrType, b[0])
	}
	if len(b) < host+2 {
		return Addr{}, nil, shortAddr()
	}
	a.Port = binary.BigEndian.Uint16(b[host:])
	if b[0] != typeName {
		a.IP, _ = netip.AddrFromSlice(b[1:host]) // 4 or 16 bytes: always well formed
		return a, b[host+2:], nil
	}
	a.Name = string(b[2:host])
	if !validName(a.Name) {
		return Addr{}, nil, fmt.Errorf("%w: %q", ErrName, a.Name)
	}
	return a, b[host+2:], nil
}

func shortAddr() error { return fmt.Errorf("socks: address: %w", io.ErrUnexpectedEOF) }

// FromAddrPort returns a as an Addr.
func FromAddrPort(a netip.AddrPort) Addr {
	return Addr{IP: a.Addr().Unmap().WithZone(""), Port: a.Port()}
}

// AppendHeader appends the header of a datagram from or to a, at most
// MaxHeaderLen bytes. Source: RFC 1928, section 7.
func AppendHeader(dst []byte, a Addr) []byte {
	return a.Append(append(dst, 0, 0, 0))
}

// ParseDatagram returns the destination or source of a datagram, and its
// payload, which is a part of b. It accepts what ParseAddr does, and no
// fragments. Source: RFC 1928, section 7.
func ParseDatagram(b []byte) (a Addr, payload []byte, err error) {
	if len(b) < DatagramHead {
		return Addr{}, nil, fmt.Errorf("socks: datagram: %w", io.ErrUnexpectedEOF)
	}
	if b[2] != 0 {
		return Addr{}, nil, ErrFragment
	}
	return ParseAddr(b[DatagramHead:])
}

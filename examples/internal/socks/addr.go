package socks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
)

// MaxAddrLen is the length of the longest address on the wire, in bytes: its
// type, a name of 255 bytes with its length, and the port.
const MaxAddrLen = 1 + 1 + 255 + 2

// The address types of RFC 1928, section 5.
const (
	typeIPv4 = 1
	typeName = 3
	typeIPv6 = 4
)

var (
	// ErrAddrType: the address is neither IPv4, nor IPv6, nor a name.
	ErrAddrType = errors.New("socks: unknown address type")

	// ErrName: the name is empty or has bytes that no host name has.
	ErrName = errors.New("socks: malformed host name")
)

// An Addr is a destination as SOCKS5 writes it: an IP address or a name, and a
// port.
type Addr struct {
	IP   netip.Addr // the zero Addr if the destination is a name
	Name string     // at most 255 printable ASCII bytes
	Port uint16
}

// String returns the address in the form that net.Dial takes.
func (a Addr) String() string {
	if a.IP.IsValid() {
		return netip.AddrPortFrom(a.IP, a.Port).String()
	}
	return net.JoinHostPort(a.Name, strconv.Itoa(int(a.Port)))
}

// Append appends the wire form of a to dst, at most MaxAddrLen bytes. The zero
// IP with no name is written as 0.0.0.0. Append panics if a.Name is longer than
// 255 bytes, which no address that was read from the wire is.
func (a Addr) Append(dst []byte) []byte {
	switch {
	case a.IP.Is4():
		ip := a.IP.As4()
		dst = append(append(dst, typeIPv4), ip[:]...)
	case a.IP.IsValid():
		ip := a.IP.As16()
		dst = append(append(dst, typeIPv6), ip[:]...)
	case a.Name == "":
		dst = append(dst, typeIPv4, 0, 0, 0, 0)
	case len(a.Name) > 255:
		panic("socks: host name longer than 255 bytes")
	default:
		dst = append(append(dst, typeName, byte(len(a.Name))), a.Name...)
	}
	return binary.BigEndian.AppendUint16(dst, a.Port)
}

// ReadAddr reads one address, and not a byte more, from r.
// An r that ends early is io.ErrUnexpectedEOF, also before the first byte.
func ReadAddr(r io.Reader) (Addr, error) {
	x := exchanges.Get()
	defer exchanges.Put(x)
	x.r = r
	head, err := x.read(2)
	if err != nil {
		return Addr{}, fmt.Errorf("socks: address: %w", err)
	}
	return x.address(head[0], head[1])
}

// address reads the rest of an address of which the type and one byte more
// have been read. Every form has that byte, so two reads are enough for any.
func (x *exchange) address(kind, first byte) (Addr, error) {
	var host int // what is left of the host
	switch kind {
	case typeIPv4:
		host = 4 - 1
	case typeIPv6:
		host = 16 - 1
	case typeName:
		host = int(first)
	default:
		return Addr{}, fmt.Errorf("%w %#x", ErrAddrType, kind)
	}
	rest, err := x.read(host + 2)
	if err != nil {
		return Addr{}, fmt.Errorf("socks: address: %w", err)
	}
	a := Addr{Port: binary.BigEndian.Uint16(rest[host:])}
	switch kind {
	case typeIPv4:
		a.IP = netip.AddrFrom4([4]byte{first, rest[0], rest[1], rest[2]})
	case typeIPv6:
		var ip [16]byte
		ip[0] = first
		copy(ip[1:], rest)
		a.IP = netip.AddrFrom16(ip)
	default:
		a.Name = string(rest[:host])
		if !validName(a.Name) {
			return Addr{}, fmt.Errorf("%w: %q", ErrName, a.Name)
		}
	}
	return a, nil
}

// validName keeps out what could forge a log line or a header. Whether the name
// exists is for the resolver to say.
func validName(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return false
		}
	}
	return name != ""
}

package trojan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/headrace-go/headrace/examples/internal/socks"
)

// MaxPacketHeader is the length of the longest header of a packet, in bytes:
// the address, the length of the payload and the end of the line.
const MaxPacketHeader = socks.MaxAddrLen + 2 + len(crlf)

// ErrPacket: the stream of packets has something else in it.
var ErrPacket = errors.New("trojan: malformed packet")

// AppendPacket appends a UDP packet from or to a, of at most 65535 bytes.
func AppendPacket(dst []byte, a socks.Addr, payload []byte) []byte {
	dst = a.Append(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(payload)))
	return append(append(dst, crlf...), payload...)
}

// ParsePacket returns the packet that b begins with: its address, its payload,
// which is a part of b, and its length on the wire, which is 0 if there is more
// of it to come.
func ParsePacket(b []byte) (a socks.Addr, payload []byte, n int, err error) {
	a, rest, err := socks.ParseAddr(b)
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return socks.Addr{}, nil, 0, nil
		}
		return socks.Addr{}, nil, 0, fmt.Errorf("%w: %w", ErrPacket, err)
	}
	const head = 2 + len(crlf)
	if len(rest) < head {
		return socks.Addr{}, nil, 0, nil
	}
	if string(rest[2:head]) != crlf {
		return socks.Addr{}, nil, 0, ErrPacket
	}
	size := int(binary.BigEndian.Uint16(rest))
	if rest = rest[head:]; len(rest) < size {
		return socks.Addr{}, nil, 0, nil
	}
	return a, rest[:size:size], len(b) - len(rest) + size, nil
}

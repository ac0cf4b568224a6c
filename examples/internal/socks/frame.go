package socks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrFrame: there is no line end where one has to be.
var ErrFrame = errors.New("socks: malformed frame")

// FrameOverhead is by how much a frame is longer than its address and payload:
// the length, in two bytes, and a line end.
const FrameOverhead = 2 + 2

// AppendFrameHead appends what precedes n bytes of payload, at most 65535, of a
// datagram from or to a, in a stream. Source: the Trojan protocol, "UDP
// Associate".
func AppendFrameHead(dst []byte, a Addr, n int) []byte {
	dst = binary.BigEndian.AppendUint16(a.Append(dst), uint16(n))
	return append(dst, '\r', '\n')
}

// ParseFrame returns the address and the payload of the frame that b begins
// with, and what is behind it. The payload is a part of b. If b ends first the
// error is io.ErrUnexpectedEOF: no frame is longer than MaxAddrLen,
// FrameOverhead and 65535 bytes together.
func ParseFrame(b []byte) (a Addr, payload, rest []byte, err error) {
	a, rest, err = ParseAddr(b)
	if err != nil {
		return Addr{}, nil, nil, err
	}
	if len(rest) < FrameOverhead {
		return Addr{}, nil, nil, fmt.Errorf("socks: frame: %w", io.ErrUnexpectedEOF)
	}
	n := int(binary.BigEndian.Uint16(rest))
	if rest[2] != '\r' || rest[3] != '\n' {
		return Addr{}, nil, nil, ErrFrame
	}
	rest = rest[FrameOverhead:]
	if len(rest) < n {
		return Addr{}, nil, nil, fmt.Errorf("socks: frame: %w", io.ErrUnexpectedEOF)
	}
	return a, rest[:n], rest[n:], nil
}

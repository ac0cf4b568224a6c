package hysteria2

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/quic-go/quic-go/quicvarint"
)

// ErrMessage: a datagram is no message.
var ErrMessage = errors.New("hysteria2: malformed message")

// A Message is a UDP datagram, or one of its fragments, as QUIC carries it.
type Message struct {
	Session  uint32 // which socket it belongs to
	Packet   uint16 // the same for all fragments of a datagram
	Fragment uint8  // from 0
	Count    uint8  // of fragments; 1 if it is whole
	Address  []byte // "host:port": where it goes to, or comes from
	Payload  []byte
}

// Append appends the wire form of m.
func (m *Message) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, m.Session)
	dst = binary.BigEndian.AppendUint16(dst, m.Packet)
	dst = append(dst, m.Fragment, m.Count)
	dst = quicvarint.Append(dst, uint64(len(m.Address)))
	return append(append(dst, m.Address...), m.Payload...)
}

// header is how long the wire form is without the payload.
func (m *Message) header() int {
	return messageHead + quicvarint.Len(uint64(len(m.Address))) + len(m.Address)
}

// messageHead is the length of what is in front of the address.
const messageHead = 4 + 2 + 1 + 1

// ParseMessage returns the Message that b is, with parts of b.
func ParseMessage(b []byte) (Message, error) {
	if len(b) < messageHead {
		return Message{}, ErrMessage
	}
	m := Message{
		Session:  binary.BigEndian.Uint32(b),
		Packet:   binary.BigEndian.Uint16(b[4:]),
		Fragment: b[6],
		Count:    b[7],
	}
	b = b[messageHead:]
	n, size, err := quicvarint.Parse(b)
	if err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	b = b[size:]
	switch {
	case n > maxAddress || n > uint64(len(b)):
		return Message{}, fmt.Errorf("%w: address of %d bytes", ErrMessage, n)
	case m.Count == 0 || m.Count > 1 && m.Fragment >= m.Count:
		return Message{}, fmt.Errorf("%w: fragment %d of %d", ErrMessage, m.Fragment, m.Count)
	}
	m.Address, m.Payload = b[:n:n], b[n:]
	return m, nil
}

// split calls send with the messages that carry m in datagrams of most bytes, in
// a buffer that is lent for the call. It reports false if so many there cannot
// be.
func (m *Message) split(most int, send func([]byte) error) (bool, error) {
	room := most - m.header()
	if room <= 0 {
		return false, nil
	}
	count := (len(m.Payload) + room - 1) / room
	if count > 255 {
		return false, nil
	}
	part, rest := *m, m.Payload
	part.Count = uint8(count)
	buf := make([]byte, 0, most)
	for i := range count {
		n := min(room, len(rest))
		part.Fragment, part.Payload, rest = uint8(i), rest[:n], rest[n:]
		if err := send(part.Append(buf)); err != nil {
			return true, err
		}
	}
	return true, nil
}

package hysteria2

import (
	"errors"
	"sync/atomic"

	"github.com/quic-go/quic-go"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/mux/quicmux"
)

// A sender sends datagrams over a connection, whole if that can be.
type sender struct {
	session *quicmux.Session
	packets atomic.Uint32 // sent in fragments, so far
}

// send sends one datagram. It waits while many others are to be sent. One that
// cannot be sent is lost, as datagrams are; the error is the session's.
func (s *sender) send(id uint32, address []byte, payload []byte) error {
	m := Message{Session: id, Count: 1, Address: address, Payload: payload}
	pool := bufpool.Default()
	buf := pool.Get(m.header() + len(payload))
	err := s.session.SendDatagram(m.Append(buf[:0]))
	pool.Put(buf)
	tooLarge, ok := errors.AsType[*quic.DatagramTooLargeError](err)
	if !ok {
		return err
	}
	m.Packet = uint16(s.packets.Add(1))
	_, err = m.split(int(tooLarge.MaxDatagramPayloadSize), s.session.SendDatagram)
	if _, ok := errors.AsType[*quic.DatagramTooLargeError](err); ok {
		return nil // the path has become narrower meanwhile
	}
	return err
}

package stream

import (
	"encoding/binary"
	"fmt"
)

// AckSize is the length of an Ack.
const AckSize = 16

// A State says how far a Receive has come.
type State byte

const (
	Running State = iota + 1
	Complete
	Corrupt
)

// An Ack tells the sender of a stream what its receiver has checked so far.
type Ack struct {
	State State
	Bytes uint64
}

// AppendTo appends the AckSize bytes of a to dst.
func (a Ack) AppendTo(dst []byte) []byte {
	dst = append(append(dst, "hrack.."...), byte(a.State))
	return binary.BigEndian.AppendUint64(dst, a.Bytes)
}

// ParseAck reads the Ack in b.
func ParseAck(b []byte) (Ack, error) {
	if len(b) != AckSize || string(b[:7]) != "hrack.." || b[7] < byte(Running) || b[7] > byte(Corrupt) {
		return Ack{}, fmt.Errorf("stream: not an acknowledgement: %x", b)
	}
	return Ack{State: State(b[7]), Bytes: binary.BigEndian.Uint64(b[8:])}, nil
}

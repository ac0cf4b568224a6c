package stream

import (
	"encoding/binary"
	"fmt"
)

// RequestSize is the length of every request, and of the echo of one.
const RequestSize = 64

// A Kind says what the target does with a request.
type Kind byte

const (
	// Echo: send the request back.
	Echo Kind = iota + 1
	// Receive: read a stream, acknowledge it now and then and at its end.
	Receive
	// Send: send a stream of Bytes bytes; or, if Bytes is 0, send one until
	// the stream that the requester sends meanwhile has ended.
	Send
	// Hold: send a stream for as long as there is room, and read nothing.
	Hold
)

// A Request is the first thing on a connection, and after its work is done
// the next one may follow.
type Request struct {
	Kind  Kind
	Seed  uint64 // of the streams; for Echo the number of the round trip
	Bytes uint64 // see Send
	Rate  uint64 // bytes per second of the target's stream; 0 is unlimited
	Frame uint32 // payload bytes per frame of the target's stream; 0 is MaxPayload
}

// magic opens each request, so that a broken proxy is not taken for a load.
const magic = "hrc1"

// AppendTo appends the RequestSize bytes of r to dst.
func (r Request) AppendTo(dst []byte) []byte {
	dst = append(dst, magic...)
	dst = append(dst, byte(r.Kind), 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, r.Seed)
	dst = binary.BigEndian.AppendUint64(dst, r.Bytes)
	dst = binary.BigEndian.AppendUint64(dst, r.Rate)
	dst = binary.BigEndian.AppendUint32(dst, r.Frame)
	for i := byte(36); i < RequestSize; i++ {
		dst = append(dst, i^byte(r.Seed))
	}
	return dst
}

// ParseRequest reads the request in b. It refuses one with a single wrong byte.
func ParseRequest(b []byte) (Request, error) {
	if len(b) != RequestSize {
		return Request{}, fmt.Errorf("stream: request of %d bytes, want %d", len(b), RequestSize)
	}
	r := Request{
		Kind:  Kind(b[4]),
		Seed:  binary.BigEndian.Uint64(b[8:]),
		Bytes: binary.BigEndian.Uint64(b[16:]),
		Rate:  binary.BigEndian.Uint64(b[24:]),
		Frame: binary.BigEndian.Uint32(b[32:]),
	}
	if string(r.AppendTo(make([]byte, 0, RequestSize))) != string(b) || r.Kind < Echo || r.Kind > Hold || r.Frame > MaxPayload {
		return Request{}, fmt.Errorf("stream: not a request, but %.16x", b)
	}
	return r, nil
}

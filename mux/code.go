package mux

import "strconv"

// A Code says why a stream or a session was ended before its time. It is
// carried to the peer as it is. The names are those of HTTP/2 (RFC 9113,
// section 7); QUIC has 62 bits of them, HTTP/2 has 32: a Code that the
// protocol cannot carry is refused by the call that was given it.
type Code uint64

// The codes that mean something to this package and to those below it.
const (
	NoError         Code = 0x0 // nothing went wrong
	ProtocolError   Code = 0x1 // the peer broke the protocol
	InternalError   Code = 0x2 // this side failed
	FlowControl     Code = 0x3 // the peer sent more than it may
	SettingsTimeout Code = 0x4 // the peer did not acknowledge settings
	StreamClosed    Code = 0x5 // something came after the end of a stream
	FrameSize       Code = 0x6 // a frame has a length that it must not have
	Refused         Code = 0x7 // the stream was not looked at: it may be tried again
	Cancel          Code = 0x8 // the stream is not wanted any more
	Compression     Code = 0x9 // headers cannot be decoded any more
	ConnectFailed   Code = 0xa // what a tunnel leads to failed
	Calm            Code = 0xb // the peer asks for too much
	Inadequate      Code = 0xc // the connection below is not secure enough
	HTTP11Required  Code = 0xd // to be tried again over HTTP/1.1
)

var codeNames = [...]string{
	NoError:         "no error",
	ProtocolError:   "protocol error",
	InternalError:   "internal error",
	FlowControl:     "flow control error",
	SettingsTimeout: "settings timeout",
	StreamClosed:    "stream closed",
	FrameSize:       "frame size error",
	Refused:         "refused",
	Cancel:          "cancelled",
	Compression:     "compression error",
	ConnectFailed:   "connect error",
	Calm:            "enhance your calm",
	Inadequate:      "inadequate security",
	HTTP11Required:  "HTTP/1.1 required",
}

// String returns what the code means, or its number.
func (c Code) String() string {
	if c < Code(len(codeNames)) {
		return codeNames[c]
	}
	return "code " + strconv.FormatUint(uint64(c), 10)
}

package h2mux

import (
	"encoding/binary"

	"github.com/headrace-go/headrace/mux"
)

// Source of everything in this file: RFC 9113, sections 4 and 6.

const (
	headerLen = 9 // of a frame

	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

	defaultWindow   = 65535
	defaultMaxFrame = 16384
	largestMaxFrame = 1<<24 - 1
	maxWindow       = 1<<31 - 1
	maxID           = 1<<31 - 1
)

const (
	frameData           = 0x0
	frameHeaders        = 0x1
	framePriority       = 0x2
	frameReset          = 0x3
	frameSettings       = 0x4
	framePushPromise    = 0x5
	framePing           = 0x6
	frameGoAway         = 0x7
	frameWindowUpdate   = 0x8
	frameContinuation   = 0x9
	framePriorityUpdate = 0x10 // RFC 9218, section 7.1
)

const (
	flagAck        = 0x1
	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	settingTableSize     = 0x1
	settingPush          = 0x2
	settingMaxStreams    = 0x3
	settingWindow        = 0x4
	settingMaxFrame      = 0x5
	settingMaxHeaderList = 0x6
	settingConnect       = 0x8 // RFC 8441, section 3
	settingNoPriorities  = 0x9 // RFC 9218, section 2.1
)

// A frame is the header of one.
type frame struct {
	length int
	typ    byte
	flags  byte
	id     uint32
}

func (f frame) has(flag byte) bool { return f.flags&flag != 0 }

func parseFrame(b []byte) frame {
	_ = b[headerLen-1]
	return frame{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		typ:    b[3],
		flags:  b[4],
		id:     binary.BigEndian.Uint32(b[5:]) & maxID,
	}
}

func appendFrame(b []byte, f frame) []byte {
	return append(b, byte(f.length>>16), byte(f.length>>8), byte(f.length), f.typ, f.flags,
		byte(f.id>>24), byte(f.id>>16), byte(f.id>>8), byte(f.id))
}

func appendReset(b []byte, id uint32, code mux.Code) []byte {
	b = appendFrame(b, frame{length: 4, typ: frameReset, id: id})
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func appendWindowUpdate(b []byte, id uint32, n int64) []byte {
	b = appendFrame(b, frame{length: 4, typ: frameWindowUpdate, id: id})
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

func appendPing(b []byte, flags byte, data uint64) []byte {
	b = appendFrame(b, frame{length: 8, typ: framePing, flags: flags})
	return binary.BigEndian.AppendUint64(b, data)
}

func appendGoAway(b []byte, last uint32, code mux.Code, reason string) []byte {
	reason = reason[:min(len(reason), maxReason)]
	b = appendFrame(b, frame{length: 8 + len(reason), typ: frameGoAway})
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, reason...)
}

// maxReason bounds the text of a GOAWAY, ours and what is kept of the peer's.
const maxReason = 256

// A setting is one parameter of a SETTINGS frame.
type setting struct {
	id    uint16
	value uint32
}

func appendSettings(b []byte, settings ...setting) []byte {
	b = appendFrame(b, frame{length: 6 * len(settings), typ: frameSettings})
	for _, s := range settings {
		b = binary.BigEndian.AppendUint16(b, s.id)
		b = binary.BigEndian.AppendUint32(b, s.value)
	}
	return b
}

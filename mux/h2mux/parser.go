package h2mux

import "github.com/headrace-go/headrace/mux"

// A parser cuts a byte stream into frames. DATA comes in the pieces in which it
// arrives, and is never gathered; any other frame comes whole. Between two
// frames a parser holds no buffer.
//
// It checks what can be told without knowing any stream: lengths, padding,
// which frames have a stream, and that a header block is not interrupted.
type parser struct {
	pool Pool
	max  int // the longest payload that is accepted

	state parserState
	head  [headerLen]byte
	have  int    // bytes of head, or of rest
	rest  []byte // a payload that arrives in pieces, from the pool
	frame frame
	left  int // payload bytes still to come
	pad   int // bytes of padding at the end of them
	first bool
	block uint32 // the stream whose header block is not complete; 0: none
}

type parserState uint8

const (
	atHeader parserState = iota
	atPadLength
	inData
	inPadding
	inPayload
)

// An event is what next has found.
type event struct {
	kind eventKind
	frame
	// payload is the piece of DATA, or the payload without padding. It is part
	// of what next was given, or of the parser, and good until the next call.
	payload []byte
	// first and last: the piece is the first, or the last, of its frame.
	first, last bool
}

type eventKind uint8

const (
	needMore eventKind = iota
	gotData
	gotFrame
)

// next consumes bytes of b up to the end of one event and returns how many.
func (p *parser) next(b []byte) (e event, n int, err error) {
	for {
		switch p.state {
		case atHeader:
			if p.have == 0 && len(b)-n >= headerLen {
				p.frame = parseFrame(b[n:])
				n += headerLen
			} else {
				k := copy(p.head[p.have:], b[n:])
				n += k
				if p.have += k; p.have < headerLen {
					return event{}, n, nil
				}
				p.have = 0
				p.frame = parseFrame(p.head[:])
			}
			if err := p.check(); err != nil {
				return event{}, n, err
			}
			p.left, p.pad, p.first = p.frame.length, 0, true
			switch {
			case p.frame.typ != frameData:
				p.state = inPayload
			case p.frame.has(flagPadded):
				p.state = atPadLength
			default:
				p.state = inData
			}

		case atPadLength:
			if n == len(b) {
				return event{}, n, nil
			}
			p.pad = int(b[n])
			n++
			p.left--
			if p.pad > p.left {
				return event{}, n, connError(mux.ProtocolError, "padding longer than its frame")
			}
			p.state = inData

		case inData:
			want := p.left - p.pad
			k := min(want, len(b)-n)
			if k == 0 && want > 0 {
				return event{}, n, nil
			}
			e = event{kind: gotData, frame: p.frame, payload: b[n : n+k], first: p.first, last: k == want}
			n += k
			p.left -= k
			p.first = false
			if e.last {
				p.state = inPadding
				if p.pad == 0 {
					p.state = atHeader
				}
			}
			return e, n, nil

		case inPadding:
			k := min(p.left, len(b)-n)
			n += k
			if p.left -= k; p.left > 0 {
				return event{}, n, nil
			}
			p.state = atHeader

		case inPayload:
			payload, k := p.gather(b[n:])
			n += k
			if p.left > 0 {
				return event{}, n, nil
			}
			p.state = atHeader
			payload, err = p.unpad(payload)
			return event{kind: gotFrame, frame: p.frame, payload: payload, first: true, last: true}, n, err
		}
	}
}

// gather returns the payload once all of it is there, and how much of b it took.
func (p *parser) gather(b []byte) (payload []byte, n int) {
	if p.rest == nil {
		if len(b) >= p.left {
			n, p.left = p.left, 0
			return b[:n], n
		}
		p.rest = p.pool.Get(p.left)[:0]
	}
	n = min(p.left, len(b))
	p.rest = append(p.rest, b[:n]...)
	p.left -= n
	return p.rest, n
}

// release gives back what the last payload was gathered in.
func (p *parser) release() {
	if p.rest != nil && p.state == atHeader {
		p.pool.Put(p.rest)
		p.rest = nil
	}
}

// close gives back everything.
func (p *parser) close() {
	p.state = atHeader
	p.release()
}

// wants returns how many bytes are still missing to the end of what the parser
// is in the middle of, at least 1.
func (p *parser) wants() int {
	if p.state == atHeader {
		return headerLen - p.have
	}
	return max(p.left, 1)
}

// idle reports whether the stream is between two frames.
func (p *parser) idle() bool { return p.state == atHeader && p.have == 0 }

// unpad takes padding and priority off the payload of HEADERS.
func (p *parser) unpad(b []byte) ([]byte, error) {
	if p.frame.typ != frameHeaders {
		return b, nil
	}
	pad := 0
	if p.frame.has(flagPadded) {
		if len(b) == 0 {
			return nil, connError(mux.FrameSize, "no room for the length of the padding")
		}
		pad, b = int(b[0]), b[1:]
	}
	if p.frame.has(flagPriority) {
		if len(b) < 5 {
			return nil, connError(mux.FrameSize, "no room for the priority")
		}
		dependency := (uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])) & maxID
		if dependency == p.frame.id {
			return nil, connError(mux.ProtocolError, "stream depends on itself")
		}
		b = b[5:]
	}
	if pad > len(b) {
		return nil, connError(mux.ProtocolError, "padding longer than its frame")
	}
	return b[:len(b)-pad], nil
}

// check judges the header of a frame.
func (p *parser) check() error {
	f := p.frame
	if f.length > p.max {
		return connError(mux.FrameSize, "frame too long")
	}
	if p.block != 0 && (f.typ != frameContinuation || f.id != p.block) {
		return connError(mux.ProtocolError, "header block interrupted")
	}
	onStream, length := true, -1
	switch f.typ {
	case frameData:
		if f.has(flagPadded) && f.length == 0 {
			return connError(mux.FrameSize, "no room for the length of the padding")
		}
	case frameHeaders:
		if !f.has(flagEndHeaders) {
			p.block = f.id
		}
	case frameContinuation:
		if p.block == 0 {
			return connError(mux.ProtocolError, "CONTINUATION without HEADERS")
		}
		if f.has(flagEndHeaders) {
			p.block = 0
		}
	case framePriority, framePushPromise: // the length is the stream's affair, or nobody's
	case frameReset:
		length = 4
	case frameSettings:
		onStream = false
		if f.length%6 != 0 || f.has(flagAck) && f.length != 0 {
			return connError(mux.FrameSize, "SETTINGS of a wrong length")
		}
	case framePing:
		onStream, length = false, 8
	case frameGoAway:
		onStream = false
		if f.length < 8 {
			return connError(mux.FrameSize, "GOAWAY too short")
		}
	case framePriorityUpdate:
		onStream = false
		if f.length < 4 {
			return connError(mux.FrameSize, "PRIORITY_UPDATE too short")
		}
	case frameWindowUpdate:
		if f.length != 4 {
			return connError(mux.FrameSize, "WINDOW_UPDATE of a wrong length")
		}
		return nil // of a stream or of the connection
	default:
		return nil // unknown frames are ignored
	}
	if onStream != (f.id != 0) {
		return connError(mux.ProtocolError, "frame on a stream that cannot have it")
	}
	if length >= 0 && f.length != length {
		return connError(mux.FrameSize, "frame of a wrong length")
	}
	return nil
}

package tlsrecord

import (
	"crypto/tls"
	"encoding/binary"
	"time"
)

// tickets hands session tickets on to crypto/tls, which alone can make sessions
// of them and put these into the caller's ClientSessionCache. tls.Conn believes
// that it reads the connection: each ticket is sealed for it once more, under
// the first key and with numbers of its own.
type tickets struct {
	feeder *feeder
	top    *tls.Conn // nil: nobody wants tickets, or they are not wanted any more
	sealing
}

func (t *tickets) init(f *feeder, top *tls.Conn, k keys) error {
	t.feeder, t.top = f, top
	return t.start(k, 0)
}

// drop lets go of crypto/tls.
func (t *tickets) drop() {
	t.keys.wipe()
	t.feeder, t.top, t.cipher, t.sealer = nil, nil, nil, nil
}

// ticket heeds a NewSessionTicket: RFC 8446, section 4.6.1.
func (r *reader) ticket(message []byte) error {
	lifetime, label, ok := parseTicket(message[messageHeader:])
	switch {
	case !ok:
		return alertDecodeError
	case r.tickets.top == nil || lifetime == 0:
		return nil
	case lifetime > 7*24*time.Hour:
		return alertIllegalParameter
	case label == 0:
		return alertDecodeError
	}
	if !r.tickets.feed(message) {
		return alertInternalError
	}
	r.stored.Add(1)
	return nil
}

// feed has tls.Conn read a message. It reports whether it was content with it.
func (t *tickets) feed(message []byte) bool {
	size := len(message) + (len(message)/maxPlain+1)*overhead
	wire := make([]byte, 0, size+1+overhead)
	var err error
	for len(message) > 0 && err == nil {
		n := min(len(message), maxPlain)
		wire, err = t.append(wire, typeHandshake, message[:n]...)
		message = message[n:]
	}
	if err == nil {
		// One byte of application data ends the Read, and shows tls.Conn a
		// stream that makes progress.
		wire, err = t.append(wire, typeApplication, 0)
	}
	if err != nil {
		return false
	}
	var one [1]byte
	t.feeder.fed = wire
	n, err := t.top.Read(one[:])
	return n == 1 && err == nil && len(t.feeder.fed) == 0
}

// parseTicket returns what of a NewSessionTicket has to be in order: how long
// it lives, and how many bytes its label has. It reports false if crypto/tls
// could not read it.
func parseTicket(b []byte) (lifetime time.Duration, label int, ok bool) {
	const fixed = 4 + 4 // lifetime, age_add
	if len(b) < fixed {
		return 0, 0, false
	}
	lifetime = time.Duration(binary.BigEndian.Uint32(b)) * time.Second
	_, b, ok = vector(b[fixed:], 1)
	if !ok {
		return 0, 0, false
	}
	id, b, ok := vector(b, 2)
	if !ok {
		return 0, 0, false
	}
	extensions, b, ok := vector(b, 2)
	if !ok || len(b) > 0 {
		return 0, 0, false
	}
	for len(extensions) > 0 {
		const earlyData = 42
		if len(extensions) < 2 {
			return 0, 0, false
		}
		typ := binary.BigEndian.Uint16(extensions)
		var data []byte
		if data, extensions, ok = vector(extensions[2:], 2); !ok || typ == earlyData && len(data) != 4 {
			return 0, 0, false
		}
	}
	return lifetime, len(id), true
}

// vector returns what follows a length of so many bytes, and what is behind it.
func vector(b []byte, lengthSize int) (content, rest []byte, ok bool) {
	if len(b) < lengthSize {
		return nil, nil, false
	}
	n := 0
	for _, c := range b[:lengthSize] {
		n = n<<8 | int(c)
	}
	b = b[lengthSize:]
	if len(b) < n {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

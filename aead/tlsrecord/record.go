package tlsrecord

import (
	"crypto/cipher"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/headrace-go/headrace/aead"
)

// Records of TLS 1.3: RFC 8446, section 5.
const (
	headerSize = 5
	maxPlain   = 1 << 14          // of content
	maxSealed  = maxPlain + 256   // of what follows the header
	trailer    = 1 + aead.TagSize // the content's type, and the tag
	overhead   = headerSize + trailer
	maxRecord  = maxPlain + overhead // that we send
	leastBody  = trailer             // shorter ones cannot be authentic, or have no type
	wireLegacy = tls.VersionTLS12    // what all records say that they are
)

// Types of records.
const (
	typeAlert       = 21
	typeHandshake   = 22
	typeApplication = 23
)

// Alerts that we send, or tell from others.
const (
	alertCloseNotify       tls.AlertError = 0
	alertUnexpectedMessage tls.AlertError = 10
	alertBadRecordMAC      tls.AlertError = 20
	alertRecordOverflow    tls.AlertError = 22
	alertIllegalParameter  tls.AlertError = 47
	alertDecodeError       tls.AlertError = 50
	alertProtocolVersion   tls.AlertError = 70
	alertInternalError     tls.AlertError = 80
	alertUserCanceled      tls.AlertError = 90

	levelWarning = 1
	levelFatal   = 2
)

// putHeader writes the header of a record whose body has n bytes.
func putHeader(b []byte, n int) {
	b[0] = typeApplication
	binary.BigEndian.PutUint16(b[1:], wireLegacy)
	binary.BigEndian.PutUint16(b[3:], uint16(n))
}

// recordSize returns how long the record is that b begins with. It may be more
// than b has: headerSize, if that is not there yet. An error is an alert.
func recordSize(b []byte) (int, error) {
	if len(b) < headerSize {
		return headerSize, nil
	}
	n := int(binary.BigEndian.Uint16(b[3:]))
	switch {
	case b[0] != typeApplication:
		// Nothing is in the clear after the handshake: section 5.
		return 0, alertUnexpectedMessage
	case binary.BigEndian.Uint16(b[1:]) != wireLegacy:
		return 0, alertProtocolVersion
	case n > maxSealed:
		return 0, alertRecordOverflow
	case n < aead.TagSize:
		return 0, alertBadRecordMAC
	}
	return headerSize + n, nil
}

// A sealing is the writing half of a connection's protection.
type sealing struct {
	keys   keys
	cipher cipher.AEAD // the sealer's
	sealer *aead.Sealer
	left   uint64 // records until the key is to be changed
}

// start begins under secret with record number seq, for limit records a key.
func (s *sealing) start(k keys, seq uint64) error {
	s.keys = k
	return s.rekey(seq)
}

func (s *sealing) rekey(seq uint64) error {
	a, iv, err := s.keys.derive()
	if err != nil {
		return err
	}
	s.cipher, s.left = a, s.keys.limit()
	s.sealer, err = aead.NewSealer(a, aead.StaticIV(iv[:], seq).MaxRecords(s.left+spare))
	clear(iv[:])
	return err
}

// spare is how many records more than its limit a key is good for: the one that
// changes it, and an alert.
const spare = 16

// next goes over to the next key.
func (s *sealing) next() error {
	if err := s.keys.next(); err != nil {
		return err
	}
	return s.rekey(0)
}

// seal makes a record of n bytes of content of a type, which lie behind the
// room for the header in b, and returns how long it is. b has room for it.
func (s *sealing) seal(b []byte, n int, typ byte) (int, error) {
	putHeader(b, n+trailer)
	body := b[headerSize:]
	body[n] = typ
	if s.left > 0 {
		s.left--
	}
	_, err := s.sealer.Seal(body[:0], body[:n+1], b[:headerSize])
	return n + overhead, err
}

// append appends a record with content to b, which has room for it.
func (s *sealing) append(b []byte, typ byte, content ...byte) ([]byte, error) {
	b = slices.Grow(b, len(content)+overhead)
	at := b[len(b):cap(b)]
	copy(at[headerSize:], content)
	n, err := s.seal(at, len(content), typ)
	if err != nil {
		return b, err
	}
	return b[:len(b)+n], nil
}

// An opening is the reading half.
type opening struct {
	keys   keys
	cipher cipher.AEAD // the opener's
	opener *aead.Opener
}

func (o *opening) start(k keys) error {
	o.keys = k
	return o.rekey()
}

func (o *opening) rekey() error {
	a, iv, err := o.keys.derive()
	if err != nil {
		return err
	}
	o.cipher = a
	o.opener, err = aead.NewOpener(a, aead.StaticIV(iv[:], 0))
	clear(iv[:])
	return err
}

// next goes over to the next key.
func (o *opening) next() error {
	if err := o.keys.next(); err != nil {
		return err
	}
	return o.rekey()
}

// open opens a whole record into dst, or in place if dst is nil, and returns
// its content and the content's type. dst has room for all but header and tag,
// of which what is behind the content is spent. An error is an alert; then
// nothing of the record is left in dst.
func (o *opening) open(dst, record []byte) (content []byte, typ byte, err error) {
	body := record[headerSize:]
	if dst == nil {
		dst = body[:0]
	}
	inner, err := o.opener.Open(dst[:0], body, record[:headerSize])
	switch {
	case errors.Is(err, aead.ErrOpen):
		return nil, 0, alertBadRecordMAC
	case err != nil:
		return nil, 0, alertInternalError
	}
	end := len(inner)
	if end > maxPlain+1 {
		clear(inner)
		return nil, 0, alertRecordOverflow
	}
	for end > 0 && inner[end-1] == 0 {
		end-- // padding: section 5.4
	}
	if end == 0 {
		return nil, 0, alertUnexpectedMessage
	}
	return inner[:end-1], inner[end-1], nil
}

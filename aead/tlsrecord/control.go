package tlsrecord

import (
	"crypto/tls"
	"io"
	"net"
)

// This file is what a reader does with records that are not for whoever reads.

// maxUseless is how many records may come in a row without content for whoever
// reads: empty ones, key updates, tickets, warnings. crypto/tls allows as many.
const maxUseless = 16

// maxMessage is the longest handshake message that is accepted, in bytes, as
// crypto/tls has it.
const maxMessage = 64 << 10

// Handshake messages that may come after the handshake: RFC 8446, section 4.6.
const (
	messageTicket    = 4
	messageKeyUpdate = 24
	messageHeader    = 4

	updateNotRequested = 0
	updateRequested    = 1
)

// control heeds a record. An error ends the stream; if it is a tls.AlertError,
// that is what the peer is to be told.
func (r *reader) control(typ byte, content []byte) error {
	if len(r.message) > 0 && typ != typeHandshake {
		return alertUnexpectedMessage // section 5.1: nothing between the parts of a message
	}
	if typ == typeAlert {
		if end := r.alert(content); end != nil {
			return end
		}
	}
	if r.useless++; r.useless > maxUseless {
		return alertUnexpectedMessage
	}
	switch typ {
	case typeAlert, typeApplication:
		return nil
	case typeHandshake:
		return r.handshake(content)
	}
	return alertUnexpectedMessage
}

// alert returns what an alert ends the stream with, if it does: section 6.
func (r *reader) alert(content []byte) error {
	if len(content) != 2 {
		return alertUnexpectedMessage
	}
	switch alert := tls.AlertError(content[1]); alert {
	case alertCloseNotify:
		r.notified.Store(true)
		return io.EOF
	case alertUserCanceled:
		return nil // means nothing by itself, and some send it without need
	default:
		return &net.OpError{Op: "remote error", Err: alert}
	}
}

// handshake takes a part of the handshake messages that come.
func (r *reader) handshake(part []byte) error {
	if len(part) == 0 {
		return alertUnexpectedMessage // section 5.1
	}
	for {
		if len(r.message) == 0 {
			// Most come whole, and are used where they are.
			rest, err := r.messages(part)
			if err != nil {
				return err
			}
			r.keep(rest)
			return nil
		}
		size, err := messageSize(r.message)
		if err != nil {
			return err
		}
		n := min(size-len(r.message), len(part))
		r.keep(part[:n])
		part = part[n:]
		if size, err = messageSize(r.message); err != nil {
			return err
		}
		if len(r.message) == size && size > messageHeader {
			message := r.message
			r.message = nil
			err := r.handle(message, len(part) > 0)
			r.pool.Put(message)
			if err != nil {
				return err
			}
		}
		if len(part) == 0 {
			return nil
		}
	}
}

// messages handles all that are whole in b, and returns what is left.
func (r *reader) messages(b []byte) ([]byte, error) {
	for {
		size, err := messageSize(b)
		if err != nil {
			return nil, err
		}
		if len(b) < size || size == messageHeader {
			return b, nil
		}
		if err := r.handle(b[:size], len(b) > size); err != nil {
			return nil, err
		}
		if b = b[size:]; len(b) == 0 {
			return nil, nil
		}
	}
}

// messageSize returns how long the message is that b begins with, with its
// header, or how long that is if it is not there yet.
func messageSize(b []byte) (int, error) {
	if len(b) < messageHeader {
		return messageHeader, nil
	}
	n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	switch {
	case b[0] != messageTicket && b[0] != messageKeyUpdate:
		// Requests for a certificate are among them: no tls.Config can offer
		// post_handshake_auth, and who has not offered it must refuse it.
		return 0, alertUnexpectedMessage
	case n > maxMessage:
		return 0, alertInternalError // as crypto/tls says it
	case n == 0, n != 1 && b[0] == messageKeyUpdate:
		return 0, alertDecodeError
	}
	return messageHeader + n, nil
}

// keep adds a part to the message that is under way, in memory of its size.
func (r *reader) keep(part []byte) {
	if len(part) == 0 {
		return
	}
	n := len(r.message)
	if n+len(part) > cap(r.message) {
		bigger := r.pool.Get(n + len(part))
		copy(bigger, r.message)
		r.dropMessage()
		r.message = bigger
	}
	r.message = r.message[:n+len(part)]
	copy(r.message[n:], part)
}

func (r *reader) dropMessage() {
	if r.message != nil {
		r.pool.Put(r.message)
		r.message = nil
	}
}

// handle heeds a message. more says whether others follow it in its record.
func (r *reader) handle(message []byte, more bool) error {
	body := message[messageHeader:]
	switch {
	case message[0] == messageKeyUpdate:
		return r.keyUpdate(body[0], more)
	case r.conn.side == byServer:
		return alertUnexpectedMessage
	default:
		return r.ticket(message)
	}
}

// keyUpdate goes over to the peer's next key: section 4.6.3.
func (r *reader) keyUpdate(request byte, more bool) error {
	switch {
	case request > updateRequested:
		return alertIllegalParameter
	case more:
		return alertUnexpectedMessage // section 5.1: no message spans a change of keys
	}
	if err := r.opening.next(); err != nil {
		return alertInternalError
	}
	r.updates.Add(1)
	if request == updateRequested {
		r.conn.out.answer.Store(true)
	}
	return nil
}

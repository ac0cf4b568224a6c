package socks

import (
	"errors"
	"fmt"
	"io"

	"github.com/headrace-go/headrace/bufpool"
)

// exchanges are the openings that are under way. Their messages are temporaries
// of an Arena each, so that a connection that has been opened keeps nothing.
var exchanges = bufpool.NewObjects(bufpool.ObjectsConfig[exchange]{
	Reset: func(x *exchange) bool {
		x.r, x.w = nil, nil
		x.memory.Reset()
		return true
	},
})

// An exchange is the opening of one connection, or a part of it.
type exchange struct {
	r      io.Reader
	w      io.Writer
	memory bufpool.Arena
}

// read reads n bytes. They are valid until the exchange is over.
func (x *exchange) read(n int) ([]byte, error) {
	b, err := x.memory.Alloc(n)
	if err != nil {
		return nil, err
	}
	// An early end of a message is never clean.
	if _, err := io.ReadFull(x.r, b); errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	return b, nil
}

// answer sends two bytes.
func (x *exchange) answer(version, code byte) error {
	msg, err := x.memory.Alloc(2)
	if err != nil {
		return err
	}
	msg[0], msg[1] = version, code
	if _, err := x.w.Write(msg); err != nil {
		return fmt.Errorf("socks: answer: %w", err)
	}
	return nil
}

// reply sends a reply (RFC 1928, section 6).
func (x *exchange) reply(code Reply, bound Addr) error {
	msg, err := x.memory.Alloc(3 + MaxAddrLen)
	if err != nil {
		return err
	}
	msg = bound.Append(append(msg[:0], version, byte(code), 0))
	if _, err := x.w.Write(msg); err != nil {
		return fmt.Errorf("socks: reply: %w", err)
	}
	return nil
}

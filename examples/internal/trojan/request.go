package trojan

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// A Command is what a client asks for.
type Command uint8

// The commands there are.
const (
	Connect   Command = 1 // a stream
	Associate Command = 3 // UDP packets
)

// keySize is the length of a key on the wire, in bytes.
const keySize = 2 * sha256.Size224

// A Key is what a client shows instead of the password.
type Key [keySize]byte

// NewKey returns the key of a password.
func NewKey(password string) Key {
	var k Key
	sum := sha256.Sum224([]byte(password))
	hex.Encode(k[:], sum[:])
	return k
}

const crlf = "\r\n"

// maxRequest is the length of the longest request, in bytes.
const maxRequest = keySize + len(crlf) + 1 + socks.MaxAddrLen + len(crlf)

// Request asks the server at the other end of w for dest, and sends first, the
// application's first bytes, along in one Write. first may be empty, and is
// not kept.
func Request(w io.Writer, key Key, command Command, dest socks.Addr, first []byte) error {
	pool := bufpool.Default()
	buf := pool.Get(maxRequest + len(first))
	defer pool.Put(buf)
	b := append(buf[:0], key[:]...)
	b = append(b, crlf...)
	b = dest.Append(append(b, byte(command)))
	b = append(append(b, crlf...), first...)
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("trojan: request: %w", err)
	}
	return nil
}

// ErrRequest: somebody who knows the password has sent something that is no
// request.
var ErrRequest = errors.New("trojan: malformed request")

// A StrangerError reports that a visitor does not know the password.
type StrangerError struct {
	Read []byte // what has been read of what he said
}

func (e *StrangerError) Error() string { return "trojan: wrong password, or none" }

// Accept reads a request, and not a byte more, from r, which must bound the
// time itself. Its error is a *StrangerError as soon as what has come cannot be
// a key, and if it is the wrong one: how much of it is right makes no
// difference.
func Accept(r io.Reader, key Key) (Command, socks.Addr, error) {
	var buf [maxRequest]byte
	if err := readKey(r, key, buf[:keySize+len(crlf)]); err != nil {
		return 0, socks.Addr{}, err
	}
	if _, err := io.ReadFull(r, buf[:1]); err != nil {
		return 0, socks.Addr{}, fmt.Errorf("trojan: request: %w", err)
	}
	command := Command(buf[0])
	dest, err := socks.ReadAddr(r)
	if err != nil {
		return 0, socks.Addr{}, fmt.Errorf("trojan: request: %w", err)
	}
	if _, err := io.ReadFull(r, buf[:len(crlf)]); err != nil {
		return 0, socks.Addr{}, fmt.Errorf("trojan: request: %w", err)
	}
	if string(buf[:len(crlf)]) != crlf || command != Connect && command != Associate {
		return 0, socks.Addr{}, ErrRequest
	}
	return command, dest, nil
}

// readKey fills buf with a key and the end of its line.
func readKey(r io.Reader, key Key, buf []byte) error {
	for n := 0; n < len(buf); {
		m, err := r.Read(buf[n:])
		for ; m > 0; m-- {
			if n++; !possible(n-1, buf[n-1]) {
				return &StrangerError{append([]byte(nil), buf[:n-1+m]...)}
			}
		}
		switch {
		case err == io.EOF && n > 0: // whatever it is, it is not for us
			return &StrangerError{append([]byte(nil), buf[:n]...)}
		case err != nil && n < len(buf):
			return fmt.Errorf("trojan: key: %w", err)
		}
	}
	if subtle.ConstantTimeCompare(buf[:keySize], key[:]) != 1 {
		return &StrangerError{append([]byte(nil), buf...)}
	}
	return nil
}

// possible reports whether a key's line may have c at position i.
func possible(i int, c byte) bool {
	switch {
	case i < keySize:
		return '0' <= c && c <= '9' || 'a' <= c && c <= 'f'
	default:
		return c == crlf[i-keySize]
	}
}

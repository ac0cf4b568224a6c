package socks

import (
	"errors"
	"fmt"
	"io"
)

// The values of RFC 1928 and RFC 1929 that the opening uses.
const (
	version     = 5
	authVersion = 1

	methodNone     = 0x00
	methodPassword = 0x02
	methodRefused  = 0xff

	authGranted = 0
	authRefused = 1

	commandConnect = 1
)

var (
	// ErrVersion: the client does not speak SOCKS5.
	ErrVersion = errors.New("socks: not version 5")

	// ErrMethod: the client does not offer the authentication method in use here.
	ErrMethod = errors.New("socks: no acceptable authentication method")

	// ErrAuth: the username or the password is wrong.
	ErrAuth = errors.New("socks: wrong username or password")

	// ErrCommand: the request is for something other than CONNECT.
	ErrCommand = errors.New("socks: command not supported")
)

// maxMessage is the longest message of the opening: version, username and
// password with their lengths.
const maxMessage = 1 + 1 + 255 + 1 + 255

// Accept reads a client's greeting, its credentials if check is not nil, and
// its request, and returns the destination of the CONNECT. The caller then
// answers with Grant or Refuse.
//
// If Accept fails the client has been told what RFC 1928 has a reply for, and
// the caller only has to close. check must not keep its arguments.
// rw must bound the time itself, for example by a read deadline.
func Accept(rw io.ReadWriter, check func(user, password []byte) bool) (Addr, error) {
	buf := make([]byte, maxMessage)
	if err := greet(rw, buf, check != nil); err != nil {
		return Addr{}, err
	}
	if check != nil {
		if err := authenticate(rw, buf, check); err != nil {
			return Addr{}, err
		}
	}
	dest, err := request(rw, buf)
	switch {
	case err == nil:
		return dest, nil
	case errors.Is(err, ErrCommand), errors.Is(err, ErrAddrType), errors.Is(err, ErrName):
		return Addr{}, Refuse(rw, err)
	default:
		return Addr{}, err
	}
}

// greet settles the authentication method: the one in use here, or none at all.
func greet(rw io.ReadWriter, buf []byte, password bool) error {
	if err := readFull(rw, buf[:2]); err != nil {
		return fmt.Errorf("socks: greeting: %w", err)
	}
	if buf[0] != version {
		return fmt.Errorf("%w: %#x", ErrVersion, buf[0])
	}
	offered := buf[2 : 2+int(buf[1])]
	if err := readFull(rw, offered); err != nil {
		return fmt.Errorf("socks: greeting: %w", err)
	}
	want := byte(methodNone)
	if password {
		want = methodPassword
	}
	for _, m := range offered {
		if m == want {
			return answer(rw, version, want)
		}
	}
	return told(ErrMethod, answer(rw, version, methodRefused))
}

// authenticate is the exchange of RFC 1929.
func authenticate(rw io.ReadWriter, buf []byte, check func(user, password []byte) bool) error {
	if err := readFull(rw, buf[:2]); err != nil {
		return fmt.Errorf("socks: credentials: %w", err)
	}
	if buf[0] != authVersion {
		return fmt.Errorf("socks: credentials: unknown version %#x", buf[0])
	}
	// One read takes the username and the length of the password behind it.
	user, rest := buf[2:2+int(buf[1])], buf[2+int(buf[1]):]
	if err := readFull(rw, buf[2:2+len(user)+1]); err != nil {
		return fmt.Errorf("socks: credentials: %w", err)
	}
	password := rest[1 : 1+int(rest[0])]
	if err := readFull(rw, password); err != nil {
		return fmt.Errorf("socks: credentials: %w", err)
	}
	if !check(user, password) {
		return told(ErrAuth, answer(rw, authVersion, authRefused))
	}
	return answer(rw, authVersion, authGranted)
}

// request reads the client's request whole, even one it then refuses.
func request(r io.Reader, buf []byte) (Addr, error) {
	// Version, command, a reserved byte, and the two bytes that readAddr starts from.
	if err := readFull(r, buf[:5]); err != nil {
		return Addr{}, fmt.Errorf("socks: request: %w", err)
	}
	if buf[0] != version {
		return Addr{}, fmt.Errorf("%w: %#x", ErrVersion, buf[0])
	}
	command := buf[1]
	dest, err := readAddr(r, buf[3:])
	if err == nil && command != commandConnect {
		err = fmt.Errorf("%w: %#x", ErrCommand, command)
	}
	return dest, err
}

func answer(w io.Writer, msg ...byte) error {
	if _, err := w.Write(msg); err != nil {
		return fmt.Errorf("socks: answer: %w", err)
	}
	return nil
}

// told returns why the client is refused, with the error of telling it, if any.
func told(cause, err error) error {
	if err == nil {
		return cause
	}
	return fmt.Errorf("%w (%w)", cause, err)
}

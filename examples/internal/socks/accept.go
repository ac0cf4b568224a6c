package socks

import (
	"bytes"
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

	commandConnect   = 1
	commandAssociate = 3
)

var (
	// ErrVersion: the client does not speak SOCKS5.
	ErrVersion = errors.New("socks: not version 5")

	// ErrMethod: the client does not offer the authentication method in use here.
	ErrMethod = errors.New("socks: no acceptable authentication method")

	// ErrAuth: the username or the password is wrong.
	ErrAuth = errors.New("socks: wrong username or password")

	// ErrCommand: the request is for something that is not served here.
	ErrCommand = errors.New("socks: command not supported")
)

// A StrangerError reports that a client does not speak SOCKS5 from the start. It
// matches ErrVersion under errors.Is.
type StrangerError struct {
	Read [2]byte // all that has been read of what it said
}

// Error names the version that it would be.
func (e *StrangerError) Error() string { return fmt.Sprintf("%v: %#x", ErrVersion, e.Read[0]) }

// Is reports whether target is ErrVersion.
func (e *StrangerError) Is(target error) bool { return target == ErrVersion }

// Accept reads a client's greeting, its credentials if check is not nil, and
// its request, and returns the destination of the CONNECT. The caller then
// answers with Grant or Refuse.
//
// If Accept fails the client has been told what RFC 1928 has a reply for, and
// the caller only has to close. check must not keep its arguments.
// rw must bound the time itself, for example by a read deadline.
// Accept allocates nothing but a name and errors (TestAcceptAllocs).
func Accept(rw io.ReadWriter, check func(user, password []byte) bool) (Addr, error) {
	dest, _, err := accept(rw, check, false)
	return dest, err
}

// AcceptAny is Accept for a server that relays datagrams as well: associate
// says that the request is a UDP ASSOCIATE, and the address then is the one
// that the client is going to send from, as far as it knows.
func AcceptAny(rw io.ReadWriter, check func(user, password []byte) bool) (dest Addr, associate bool, err error) {
	return accept(rw, check, true)
}

func accept(rw io.ReadWriter, check func(user, password []byte) bool, datagrams bool) (dest Addr, associate bool, err error) {
	x := exchanges.Get()
	defer exchanges.Put(x)
	x.r, x.w = rw, rw
	if err := x.greet(check != nil); err != nil {
		return Addr{}, false, err
	}
	if check != nil {
		if err := x.authenticate(check); err != nil {
			return Addr{}, false, err
		}
	}
	dest, associate, err = x.request(datagrams)
	switch {
	case err == nil:
		return dest, associate, nil
	case errors.Is(err, ErrCommand), errors.Is(err, ErrAddrType), errors.Is(err, ErrName):
		return Addr{}, false, Refuse(rw, err)
	default:
		return Addr{}, false, err
	}
}

// greet settles the authentication method: the one in use here, or none at all.
func (x *exchange) greet(password bool) error {
	head, err := x.read(2)
	if err != nil {
		return fmt.Errorf("socks: greeting: %w", err)
	}
	if head[0] != version {
		return &StrangerError{Read: [2]byte(head)}
	}
	offered, err := x.read(int(head[1]))
	if err != nil {
		return fmt.Errorf("socks: greeting: %w", err)
	}
	want := byte(methodNone)
	if password {
		want = methodPassword
	}
	if bytes.IndexByte(offered, want) < 0 {
		return told(ErrMethod, x.answer(version, methodRefused))
	}
	return x.answer(version, want)
}

// authenticate is the exchange of RFC 1929.
func (x *exchange) authenticate(check func(user, password []byte) bool) error {
	head, err := x.read(2)
	if err != nil {
		return fmt.Errorf("socks: credentials: %w", err)
	}
	if head[0] != authVersion {
		return fmt.Errorf("socks: credentials: unknown version %#x", head[0])
	}
	// One read takes the username and the length of the password behind it.
	user, err := x.read(int(head[1]) + 1)
	if err != nil {
		return fmt.Errorf("socks: credentials: %w", err)
	}
	user, length := user[:head[1]], user[head[1]]
	password, err := x.read(int(length))
	if err != nil {
		return fmt.Errorf("socks: credentials: %w", err)
	}
	if !check(user, password) {
		return told(ErrAuth, x.answer(authVersion, authRefused))
	}
	return x.answer(authVersion, authGranted)
}

// request reads the client's request whole, even one it then refuses.
func (x *exchange) request(datagrams bool) (dest Addr, associate bool, err error) {
	// Version, command, a reserved byte, and the two bytes that address starts from.
	head, err := x.read(5)
	if err != nil {
		return Addr{}, false, fmt.Errorf("socks: request: %w", err)
	}
	if head[0] != version {
		return Addr{}, false, fmt.Errorf("%w: %#x", ErrVersion, head[0])
	}
	associate = datagrams && head[1] == commandAssociate
	dest, err = x.address(head[3], head[4])
	if err == nil && head[1] != commandConnect && !associate {
		err = fmt.Errorf("%w: %#x", ErrCommand, head[1])
	}
	return dest, associate, err
}

// told returns why the client is refused, with the error of telling it, if any.
func told(cause, err error) error {
	if err == nil {
		return cause
	}
	return fmt.Errorf("%w (%w)", cause, err)
}

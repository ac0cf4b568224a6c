package socks

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
)

// A Reply says how a request went (RFC 1928, section 6).
type Reply byte

// The replies of RFC 1928.
const (
	Succeeded Reply = iota
	GeneralFailure
	NotAllowed
	NetworkUnreachable
	HostUnreachable
	ConnectionRefused
	TTLExpired
	CommandNotSupported
	AddressTypeNotSupported
)

// ReplyFor returns the reply for a request that failed with err, which is an
// error of Accept or of net.Dialer. A timeout is TTLExpired, the nearest that
// the RFC has; a name that does not resolve is HostUnreachable.
func ReplyFor(err error) Reply {
	switch {
	case errors.Is(err, ErrCommand):
		return CommandNotSupported
	case errors.Is(err, ErrAddrType):
		return AddressTypeNotSupported
	case errors.Is(err, errRefused):
		return ConnectionRefused
	case errors.Is(err, errNetUnreachable):
		return NetworkUnreachable
	case errors.Is(err, errHostUnreachable), isDNS(err):
		return HostUnreachable
	case errors.Is(err, os.ErrPermission):
		return NotAllowed
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errTimedOut), isTimeout(err):
		return TTLExpired
	default:
		return GeneralFailure
	}
}

// Grant tells the client that its request is granted. bound is the local
// address of the connection to the target, or where the client is to send its
// datagrams; an address that is neither TCP's nor UDP's, or nil, is sent as
// 0.0.0.0:0, which says nothing.
func Grant(w io.Writer, bound net.Addr) error {
	var a Addr
	switch bound := bound.(type) {
	case *net.TCPAddr:
		a = FromAddrPort(bound.AddrPort())
	case *net.UDPAddr:
		a = FromAddrPort(bound.AddrPort())
	}
	return reply(w, Succeeded, a)
}

// Refuse tells the client why its request failed, and returns that cause, which
// is net.Dialer's error for example, together with the error of telling it if
// there is one. The caller then closes the connection, within 10 seconds as the
// RFC says.
func Refuse(w io.Writer, cause error) error {
	return told(cause, reply(w, ReplyFor(cause), Addr{}))
}

func reply(w io.Writer, code Reply, bound Addr) error {
	x := exchanges.Get()
	defer exchanges.Put(x)
	x.w = w
	return x.reply(code, bound)
}

func isDNS(err error) bool {
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

func isTimeout(err error) bool {
	netErr, ok := errors.AsType[net.Error](err)
	return ok && netErr.Timeout()
}

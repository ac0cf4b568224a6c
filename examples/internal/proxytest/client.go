package proxytest

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/socks"
)

// Dial connects to addr, until the test ends.
func Dial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

// Request is a SOCKS5 client's greeting without authentication, and its CONNECT
// to dest: what a hasty client sends in one go.
func Request(dest socks.Addr) []byte {
	return dest.Append([]byte{5, 1, 0, 5, 1, 0})
}

// ReadReply reads the answers to a Request.
func ReadReply(c io.Reader) (socks.Reply, error) {
	answer := make([]byte, 2+3)
	if _, err := io.ReadFull(c, answer); err != nil {
		return 0, err
	}
	if answer[0] != 5 || answer[1] != 0 || answer[2] != 5 || answer[4] != 0 {
		return 0, fmt.Errorf("proxytest: malformed answer %q", answer)
	}
	_, err := socks.ReadAddr(c)
	return socks.Reply(answer[3]), err
}

// Ask connects to the SOCKS5 proxy at addr, sends what Request returns in one go,
// with first data behind it or not, and returns the connection and the reply.
func Ask(t testing.TB, addr string, request []byte) (*net.TCPConn, socks.Reply) {
	t.Helper()
	c := Dial(t, addr)
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	reply, err := ReadReply(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, reply
}

// Connect returns a connection to dest through the SOCKS5 proxy at proxy.
func Connect(t testing.TB, proxy string, dest socks.Addr) *net.TCPConn {
	t.Helper()
	c := Dial(t, proxy)
	if reply, _, err := ask(c, Request(dest)); err != nil || reply != socks.Succeeded {
		t.Fatalf("CONNECT %v: reply %d, %v", dest, reply, err)
	}
	return c
}

// ask sends what Request returns, but waits for the answer to the greeting, as
// some servers need it.
func ask(c io.ReadWriter, request []byte) (socks.Reply, socks.Addr, error) {
	const greeting = 3
	if _, err := c.Write(request[:greeting]); err != nil {
		return 0, socks.Addr{}, err
	}
	answer := make([]byte, 3)
	if _, err := io.ReadFull(c, answer[:2]); err != nil {
		return 0, socks.Addr{}, err
	}
	if answer[0] != 5 || answer[1] != 0 {
		return 0, socks.Addr{}, fmt.Errorf("proxytest: greeted with %q", answer[:2])
	}
	if _, err := c.Write(request[greeting:]); err != nil {
		return 0, socks.Addr{}, err
	}
	if _, err := io.ReadFull(c, answer); err != nil {
		return 0, socks.Addr{}, err
	}
	bound, err := socks.ReadAddr(c)
	return socks.Reply(answer[1]), bound, err
}

// Dest is addr, an address and port, as a destination.
func Dest(t testing.TB, addr net.Addr) socks.Addr {
	t.Helper()
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		t.Fatal(err)
	}
	return socks.Addr{IP: ap.Addr(), Port: ap.Port()}
}

package proxytest

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/headrace-go/headrace/examples/internal/socks"
)

// An Association is a SOCKS5 client's UDP ASSOCIATE.
type Association struct {
	Control *net.TCPConn
	Socket  *net.UDPConn
	Relay   netip.AddrPort // where to send to

	t testing.TB
}

// Associate asks the SOCKS5 proxy at addr for a relay of datagrams.
func Associate(t testing.TB, addr string) *Association {
	t.Helper()
	c := Dial(t, addr)
	request := Request(socks.Addr{IP: netip.IPv4Unspecified()})
	request[4] = 3 // UDP ASSOCIATE
	reply, bound, err := ask(c, request)
	if err != nil || reply != socks.Succeeded {
		t.Fatalf("UDP ASSOCIATE: reply %d, %v", reply, err)
	}
	if bound.IP.IsUnspecified() { // as some say it: where the connection goes to
		bound.IP = c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	}
	socket := ListenUDP(t, "127.0.0.1:0")
	return &Association{Control: c, Socket: socket, Relay: netip.AddrPortFrom(bound.IP, bound.Port), t: t}
}

// ListenUDP returns a socket, until the test ends.
func ListenUDP(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// DestOf returns c's address as a destination.
func DestOf(c *net.UDPConn) socks.Addr {
	return socks.FromAddrPort(c.LocalAddr().(*net.UDPAddr).AddrPort())
}

// Send sends one datagram to dest.
func (a *Association) Send(dest socks.Addr, payload []byte) {
	a.t.Helper()
	if _, err := a.Socket.WriteToUDPAddrPort(append(socks.AppendHeader(nil, dest), payload...), a.Relay); err != nil {
		a.t.Fatal(err)
	}
}

// Receive returns the next datagram, and where it is from.
func (a *Association) Receive() (source socks.Addr, payload []byte) {
	a.t.Helper()
	b, _ := ReceiveFrom(a.t, a.Socket)
	source, payload, err := socks.ParseDatagram(b)
	if err != nil {
		a.t.Fatalf("%q: %v", b, err)
	}
	return source, payload
}

// ReceiveFrom returns the next datagram on c, and its sender.
func ReceiveFrom(t testing.TB, c *net.UDPConn) ([]byte, netip.AddrPort) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1<<16)
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n], from
}

// EchoUDP returns the address of a socket that sends back what it gets, until
// the test ends.
func EchoUDP(t testing.TB, addr string) socks.Addr {
	t.Helper()
	c := ListenUDP(t, addr)
	var running sync.WaitGroup
	running.Go(func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = c.WriteToUDPAddrPort(b[:n], from)
		}
	})
	t.Cleanup(func() {
		_ = c.Close()
		running.Wait()
	})
	return DestOf(c)
}

// Payload returns n bytes that are like no others.
func Payload(i, n int) []byte {
	b := make([]byte, n)
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], uint64(i))
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

// EchoDatagrams sends datagrams of many sizes through a to dest, which sends
// them back, a few at a time.
func (a *Association) EchoDatagrams(dest socks.Addr, sizes ...int) {
	a.t.Helper()
	const window = 8
	for i := 0; i < len(sizes); i += window {
		some := sizes[i:min(i+window, len(sizes))]
		for j, n := range some {
			a.Send(dest, Payload(i+j, n))
		}
		for j, n := range some {
			source, got := a.Receive()
			if !bytes.Equal(got, Payload(i+j, n)) {
				a.t.Fatalf("datagram %d of %d bytes came back as %d other ones", i+j, n, len(got))
			}
			if dest.IP.IsValid() && source != dest {
				a.t.Fatalf("datagram %d is from %v, want %v", i+j, source, dest)
			}
		}
	}
}

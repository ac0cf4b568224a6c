package main

import (
	"io"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// datagramSizes are datagrams up to the longest that a packet and SOCKS5 leave
// room for.
var datagramSizes = []int{0, 1, 100, 1200, 1472, 1500, 8000, 60000, 1200, 1200, 1200, 1}

func TestDatagrams(t *testing.T) {
	server, ca := sides.Server(t)
	client := sides.Client(t, server.Addr, ca)
	a := proxytest.Associate(t, client.Addr)
	v4 := proxytest.EchoUDP(t, "127.0.0.1:0")
	a.EchoDatagrams(v4, datagramSizes...)
	a.EchoDatagrams(proxytest.EchoUDP(t, "127.0.0.1:0"), datagramSizes...) // another target of the same stream
	a.EchoDatagrams(socks.Addr{Name: "127.0.0.1", Port: v4.Port}, datagramSizes...)

	b := proxytest.Associate(t, client.Addr)
	b.EchoDatagrams(v4, 1200)
	proxytest.Finish(t, b.Control) // the association ends with it
	a.EchoDatagrams(v4, 1200)
	proxytest.Finish(t, a.Control)
	proxytest.Quiet(t, client, server)
}

// TestDatagramsOfStrangers: what somebody else sends to an association's socket is
// not relayed, and its answers do not go to him.
func TestDatagramsOfStrangers(t *testing.T) {
	server, ca := sides.Server(t)
	client := sides.Client(t, server.Addr, ca)
	a := proxytest.Associate(t, client.Addr)
	echo := proxytest.EchoUDP(t, "127.0.0.1:0")
	stranger := proxytest.ListenUDP(t, "127.0.0.2:0")
	if _, err := stranger.WriteToUDPAddrPort(append(socks.AppendHeader(nil, echo), "not mine"...), a.Relay); err != nil {
		t.Fatal(err)
	}
	for _, nonsense := range []string{"", "\x00\x00", "\x00\x00\x01\x01\x7f\x00\x00\x01\x00\x50fragment", "\x00\x00\x00\x09"} {
		if _, err := a.Socket.WriteToUDPAddrPort([]byte(nonsense), a.Relay); err != nil {
			t.Fatal(err)
		}
	}
	a.EchoDatagrams(echo, 100) // the first that comes back
	proxytest.Finish(t, a.Control)
	proxytest.Quiet(t, client, server)
}

// TestServerEndsAssociation: when the stream is gone the application is told, by
// the end of its connection.
func TestServerEndsAssociation(t *testing.T) {
	server, ca := sides.Server(t)
	client := sides.Client(t, server.Addr, ca)
	a := proxytest.Associate(t, client.Addr)
	a.EchoDatagrams(proxytest.EchoUDP(t, "127.0.0.1:0"), 100)
	server.Stop()
	if rest, err := io.ReadAll(a.Control); len(rest) > 0 { // a reset will do
		t.Errorf("the application's connection ended with %v, behind %q", err, rest)
	}
}

package main

import (
	"testing"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// TestDatagrams sends datagrams of many sizes through both programs, those that
// have to be cut among them, to several targets of both families and by name.
func TestDatagrams(t *testing.T) {
	server, ca := sides.Server(t)
	client := sides.Client(t, server.Addr, ca)
	echo := proxytest.EchoUDP(t, "127.0.0.1:0")
	a := proxytest.Associate(t, client.Addr)
	a.EchoDatagrams(echo, 0, 1, 100, 1100, 1200, 1300, 1472, 4000, 9000)
	a.EchoDatagrams(proxytest.EchoUDP(t, "[::1]:0"), 100, 2000)
	// The first one waits for the name, and may be overtaken.
	a.EchoDatagrams(socks.Addr{Name: "localhost", Port: echo.Port}, 100)
	a.EchoDatagrams(socks.Addr{Name: "localhost", Port: echo.Port}, 2000, 200)

	b := proxytest.Associate(t, client.Addr) // beside the other one
	b.EchoDatagrams(echo, 10)
	a.EchoDatagrams(echo, 20)
	for _, association := range []*proxytest.Association{a, b} {
		if err := association.Control.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if err := proxytest.End(association.Control); err != nil {
			t.Error(err)
		}
	}
	proxytest.Quiet(t, client, server)
}

// TestAssociationEndsWithSession: an application hears that the server has gone.
func TestAssociationEndsWithSession(t *testing.T) {
	server, ca := sides.Server(t)
	client := sides.Client(t, server.Addr, ca)
	a := proxytest.Associate(t, client.Addr)
	a.EchoDatagrams(proxytest.EchoUDP(t, "127.0.0.1:0"), 10)
	server.Stop()
	if err := proxytest.End(a.Control); err != nil {
		t.Error(err)
	}
}

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// interopBytes go each way through every pair of programs.
const interopBytes = 100e6

// TestInterop drives shadowsocks-libev, in either role, with these programs in
// the other.
func TestInterop(t *testing.T) {
	if !proxytest.Alone(t, "ss-server", "ss-local") {
		return
	}
	for _, method := range methods {
		t.Run("ss-server/"+method, func(t *testing.T) {
			proxytest.Peer(t, libevReady, "ss-server", "-u", "-s", "127.0.0.1", "-p", "8443", "-m", method, "-k", testPassword)
			client := startClient(t, proxytest.PeerServer, method)
			interop(t, client.Addr)
			interopDatagrams(t, client.Addr)
			proxytest.Quiet(t, client)
		})
		t.Run("ss-local/"+method, func(t *testing.T) {
			server := startServer(t, method)
			host, port, _ := strings.Cut(server.Addr, ":")
			proxytest.Peer(t, libevReady, "ss-local", "-u", "-s", host, "-p", port, "-b", "127.0.0.1", "-l", "1080", "-m", method, "-k", testPassword)
			interop(t, proxytest.PeerClient)
			interopDatagrams(t, proxytest.PeerClient)
			proxytest.Quiet(t, server)
		})
	}
}

// TestInteropFull drives sing-box in the same way, which takes minutes to build.
func TestInteropFull(t *testing.T) {
	proxytest.Full(t)
	if !proxytest.Alone(t, "sing-box") {
		return
	}
	for _, method := range methods {
		t.Run("server/"+method, func(t *testing.T) {
			proxytest.SingBox(t, fmt.Sprintf(`{
				"inbounds": [{"type": "shadowsocks", "listen": "127.0.0.1", "listen_port": 8443, "method": %q, "password": %q}],
				"outbounds": [{"type": "direct"}]}`, method, testPassword))
			client := startClient(t, proxytest.PeerServer, method)
			interop(t, client.Addr)
			interopDatagrams(t, client.Addr)
			proxytest.Quiet(t, client)
		})
		t.Run("client/"+method, func(t *testing.T) {
			server := startServer(t, method)
			host, port, _ := strings.Cut(server.Addr, ":")
			proxytest.SingBox(t, fmt.Sprintf(`{
				"inbounds": [{"type": "socks", "listen": "127.0.0.1", "listen_port": 1080}],
				"outbounds": [{"type": "shadowsocks", "server": %q, "server_port": %s, "method": %q, "password": %q}]}`,
				host, port, method, testPassword))
			interop(t, proxytest.PeerClient)
			interopDatagrams(t, proxytest.PeerClient)
			proxytest.Quiet(t, server)
		})
	}
}

// interop sends both ways at once through the SOCKS5 proxy at addr, and has each
// side be the one that ends the stream. What libev hands on of a half-close is
// the end of the stream, after all bytes; it ends the other direction, too.
func interop(t *testing.T, addr string) {
	t.Helper()
	for _, first := range []string{"application", "target"} {
		target := proxytest.Listen(t, "127.0.0.1:0")
		near := proxytest.Connect(t, addr, target.Dest)
		far := target.Accept()
		proxytest.Exchange(t, near, far, interopBytes/2)
		if first == "target" {
			near, far = far, near
		}
		if err := proxytest.Send(near, 3, 1<<20); err != nil { // still under way when the stream ends
			t.Fatal(err)
		}
		if err := near.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if err := proxytest.Receive(far, 3, 1<<20); err != nil {
			t.Fatal(err)
		}
		if err := proxytest.End(far); err != nil {
			t.Fatal(err)
		}
		proxytest.Finish(t, far)
	}
}

// interopDatagrams has datagrams sent back through the SOCKS5 proxy at addr.
// libev's are not longer than its own packets.
func interopDatagrams(t *testing.T, addr string) {
	t.Helper()
	a := proxytest.Associate(t, addr)
	sizes := append([]int{1, 2, 100, 1300}, slices.Repeat([]int{1200}, 200)...)
	a.EchoDatagrams(proxytest.EchoUDP(t, "127.0.0.1:0"), sizes...)
	a.EchoDatagrams(proxytest.EchoUDP(t, "127.0.0.1:0"), sizes...)
	v4 := proxytest.EchoUDP(t, "127.0.0.1:0")
	a.EchoDatagrams(socks.Addr{Name: "127.0.0.1", Port: v4.Port}, sizes...)
}

// libevReady is what the programs of shadowsocks-libev say last: ss-local says
// where it listens before it does.
const libevReady = "running from root user"

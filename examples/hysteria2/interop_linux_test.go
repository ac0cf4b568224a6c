package main

import (
	"fmt"
	"net"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
)

// interopBytes go each way through every pair of programs.
const interopBytes = 20e6

func singServer(cert, key string) string {
	return fmt.Sprintf(`{"inbounds": [{"type": "hysteria2", "listen": "127.0.0.1", "listen_port": 8443,
		"users": [{"name": "u", "password": %q}], "tls": {"enabled": true, "server_name": %q, "certificate_path": %q, "key_path": %q}}],
		"outbounds": [{"type": "direct"}]}`, sides.Password, sides.Name, cert, key)
}

func singClient(addr, cert string) string {
	host, port, _ := net.SplitHostPort(addr)
	return fmt.Sprintf(`{"inbounds": [{"type": "socks", "listen": "127.0.0.1", "listen_port": 1080}],
		"outbounds": [{"type": "hysteria2", "server": %q, "server_port": %s, "password": %q,
		"tls": {"enabled": true, "server_name": %q, "certificate_path": %q}}]}`, host, port, sides.Password, sides.Name, cert)
}

// TestInterop drives sing-box in either role, with these programs in the other.
func TestInterop(t *testing.T) {
	if !proxytest.Alone(t, "sing-box") {
		return
	}
	cert, key := sides.Identity(t)
	t.Run("their server", func(t *testing.T) {
		proxytest.SingBox(t, singServer(cert, key))
		for _, args := range ways {
			client := sides.Client(t, proxytest.PeerServer, cert, args...)
			interop(t, client.Addr)
			proxytest.Quiet(t, client)
		}
	})
	t.Run("their client", func(t *testing.T) {
		server := proxytest.Start(t, "server", "-listen", "127.0.0.1:0", "-password", sides.Password, "-cert", cert, "-key", key)
		proxytest.SingBox(t, singClient(server.Addr, cert))
		interop(t, proxytest.PeerClient)
	})
}

// interop moves streams and datagrams through the SOCKS5 proxy at addr.
func interop(t *testing.T, addr string) {
	t.Helper()
	for _, closesFirst := range []string{"target", "application"} {
		near, far := proxytest.Speak(t, addr)
		proxytest.Exchange(t, near, far, interopBytes)
		if closesFirst == "target" {
			near, far = far, near
		}
		if err := near.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if err := proxytest.End(far); err != nil {
			t.Fatalf("the end of what the %s sent: %v", closesFirst, err)
		}
		// sing-box closes both directions when one has ended: what goes on then
		// TestClientAndServer tests.
		for _, c := range []*net.TCPConn{near, far} {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	echo := proxytest.EchoUDP(t, "127.0.0.1:0")
	a := proxytest.Associate(t, addr)
	for _, n := range []int{1, 100, 1100, 1200, 1300, 1472, 4000, 1200, 1} { // sing-box's client may change their order
		a.EchoDatagrams(echo, n)
	}
	a.EchoDatagrams(proxytest.EchoUDP(t, "127.0.0.1:0"), 100)
	if err := a.Control.Close(); err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"fmt"
	"net"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
)

// interopBytes go each way through every pair of programs.
const interopBytes = 100e6

// A peer is a program of somebody else: its name, and how it is run in either
// role until the test ends.
type peer struct {
	name   string
	server func(t *testing.T, cert, key string)
	client func(t *testing.T, server, cert string)
}

// trojanGFW is the program that the protocol comes from.
var trojanGFW = peer{
	name: "trojan",
	server: func(t *testing.T, cert, key string) {
		startTrojan(t, fmt.Sprintf(`{"run_type": "server", "local_addr": "127.0.0.1", "local_port": 8443, "remote_addr": "127.0.0.1", "remote_port": 80,
			"password": [%q], "log_level": 2, "ssl": {"cert": %q, "key": %q, "alpn": ["http/1.1"], "session_ticket": true}, "tcp": {"no_delay": true}}`,
			sides.Password, cert, key))
	},
	client: func(t *testing.T, server, cert string) {
		host, port, _ := net.SplitHostPort(server)
		startTrojan(t, fmt.Sprintf(`{"run_type": "client", "local_addr": "127.0.0.1", "local_port": 1080, "remote_addr": %q, "remote_port": %s,
			"password": [%q], "log_level": 2, "ssl": {"verify": true, "verify_hostname": true, "cert": %q, "sni": %q, "alpn": ["http/1.1"]}, "tcp": {"no_delay": true}}`,
			host, port, sides.Password, cert, sides.Name))
	},
}

func startTrojan(t *testing.T, config string) {
	t.Helper()
	proxytest.Peer(t, ") started at", "trojan", "-c", proxytest.ConfigFile(t, config))
}

var singBox = peer{
	name: "sing-box",
	server: func(t *testing.T, cert, key string) {
		proxytest.SingBox(t, fmt.Sprintf(`{"inbounds": [{"type": "trojan", "listen": "127.0.0.1", "listen_port": 8443,
			"users": [{"name": "u", "password": %q}], "tls": {"enabled": true, "server_name": %q, "certificate_path": %q, "key_path": %q}}],
			"outbounds": [{"type": "direct"}]}`, sides.Password, sides.Name, cert, key))
	},
	client: func(t *testing.T, server, cert string) {
		host, port, _ := net.SplitHostPort(server)
		proxytest.SingBox(t, fmt.Sprintf(`{"inbounds": [{"type": "socks", "listen": "127.0.0.1", "listen_port": 1080}],
			"outbounds": [{"type": "trojan", "server": %q, "server_port": %s, "password": %q,
			"tls": {"enabled": true, "server_name": %q, "certificate_path": %q}}]}`, host, port, sides.Password, sides.Name, cert))
	},
}

// TestInterop drives the program that the protocol comes from, in either role,
// with these programs in the other.
func TestInterop(t *testing.T) { interopWith(t, trojanGFW) }

// TestInteropSingBox is the same with sing-box, which is built from source.
func TestInteropSingBox(t *testing.T) {
	proxytest.Full(t)
	interopWith(t, singBox)
}

func interopWith(t *testing.T, p peer) {
	if !proxytest.Alone(t, p.name) {
		return
	}
	cert, key := sides.Identity(t)
	t.Run("their server", func(t *testing.T) {
		p.server(t, cert, key)
		client := sides.Client(t, proxytest.PeerServer, cert)
		interop(t, client.Addr)
		proxytest.Quiet(t, client)
	})
	t.Run("their client", func(t *testing.T) {
		server := proxytest.Start(t, "server", "-listen", "127.0.0.1:0", "-password", sides.Password, "-cert", cert, "-key", key)
		p.client(t, server.Addr, cert)
		interop(t, proxytest.PeerClient)
	})
}

// interop moves streams and datagrams through the SOCKS5 proxy at addr.
func interop(t *testing.T, addr string) {
	t.Helper()
	for range 2 { // the second session may be resumed
		near, far := proxytest.Speak(t, addr)
		proxytest.Exchange(t, near, far, interopBytes/4)
		// Not every one of them keeps a stream half open: so both ends close,
		// when all has arrived.
		if err := far.Close(); err != nil {
			t.Fatal(err)
		}
		if err := proxytest.End(near); err != nil {
			t.Fatal(err)
		}
		if err := near.Close(); err != nil {
			t.Fatal(err)
		}
	}
	echo := proxytest.EchoUDP(t, "127.0.0.1:0")
	a := proxytest.Associate(t, addr)
	a.EchoDatagrams(echo, 1, 100, 1200, 1200, 1200, 1472, 4000)
	a.EchoDatagrams(proxytest.EchoUDP(t, "127.0.0.1:0"), 100)
	if err := a.Control.Close(); err != nil {
		t.Fatal(err)
	}
}

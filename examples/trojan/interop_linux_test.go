package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/certificate"
	"github.com/headrace-go/headrace/examples/internal/proxytest"
)

// Where the programs of others listen, in a namespace of their own.
const (
	peerServer = "127.0.0.1:8443"
	peerClient = "127.0.0.1:1080"
)

// interopBytes go each way through every pair of programs.
const interopBytes = 100e6

// A peer is a program of somebody else: how to configure it in either role, for
// a server at an address.
type peer struct {
	name           string
	args           func(config string) []string
	server, client func(addr, cert, key string) string
}

var trojanGFW = peer{
	name: "trojan",
	args: func(config string) []string { return []string{"-c", config} },
	server: func(_, cert, key string) string {
		return fmt.Sprintf(`{"run_type": "server", "local_addr": "127.0.0.1", "local_port": 8443, "remote_addr": "127.0.0.1", "remote_port": 80,
			"password": [%q], "log_level": 3, "ssl": {"cert": %q, "key": %q, "alpn": ["http/1.1"], "session_ticket": true}, "tcp": {"no_delay": true}}`,
			testPassword, cert, key)
	},
	client: func(addr, cert, _ string) string {
		host, port, _ := net.SplitHostPort(addr)
		return fmt.Sprintf(`{"run_type": "client", "local_addr": "127.0.0.1", "local_port": 1080, "remote_addr": %q, "remote_port": %s,
			"password": [%q], "log_level": 3, "ssl": {"verify": true, "verify_hostname": true, "cert": %q, "sni": %q, "alpn": ["http/1.1"]}, "tcp": {"no_delay": true}}`,
			host, port, testPassword, cert, testName)
	},
}

var singBox = peer{
	name: "sing-box",
	args: func(config string) []string { return []string{"run", "-c", config, "-D", filepath.Dir(config)} },
	server: func(_, cert, key string) string {
		return fmt.Sprintf(`{"log": {"level": "error"}, "inbounds": [{"type": "trojan", "listen": "127.0.0.1", "listen_port": 8443,
			"users": [{"name": "u", "password": %q}], "tls": {"enabled": true, "server_name": %q, "certificate_path": %q, "key_path": %q}}],
			"outbounds": [{"type": "direct"}]}`, testPassword, testName, cert, key)
	},
	client: func(addr, cert, _ string) string {
		host, port, _ := net.SplitHostPort(addr)
		return fmt.Sprintf(`{"log": {"level": "error"}, "inbounds": [{"type": "socks", "listen": "127.0.0.1", "listen_port": 1080}],
			"outbounds": [{"type": "trojan", "server": %q, "server_port": %s, "password": %q,
			"tls": {"enabled": true, "server_name": %q, "certificate_path": %q}}]}`, host, port, testPassword, testName, cert)
	},
}

// TestInterop drives the program that the protocol comes from, in either role,
// with these programs in the other.
func TestInterop(t *testing.T) { interopWith(t, trojanGFW) }

// TestInteropSingBox is the same with sing-box, which is built from source.
func TestInteropSingBox(t *testing.T) {
	if os.Getenv("HEADRACE_INTEROP") != "full" {
		t.Skip("only with HEADRACE_INTEROP=full")
	}
	interopWith(t, singBox)
}

func interopWith(t *testing.T, p peer) {
	if _, err := exec.LookPath(p.name); err != nil {
		t.Skipf("%s is not installed: %v", p.name, err)
	}
	if !proxytest.Namespace(t) {
		return
	}
	cert, key := certificateFiles(t)
	t.Run("their server", func(t *testing.T) {
		start(t, p, p.server("", cert, key), peerServer)
		client := startClient(t, peerServer, cert)
		interop(t, client.Addr)
		quiet(t, client)
	})
	t.Run("their client", func(t *testing.T) {
		server := proxytest.Start(t, "server", "-listen", "127.0.0.1:0", "-password", testPassword, "-cert", cert, "-key", key)
		start(t, p, p.client(server.Addr, cert, key), peerClient)
		interop(t, peerClient)
	})
}

// interop moves streams and datagrams through the SOCKS5 proxy at addr.
func interop(t *testing.T, addr string) {
	t.Helper()
	for range 2 { // the second session may be resumed
		target := proxytest.Listen(t, "127.0.0.1:0")
		near := proxytest.Connect(t, addr, target.Dest)
		// Theirs may speak to the target only when there is something to say.
		if err := proxytest.Send(near, 9, 10); err != nil {
			t.Fatal(err)
		}
		far := target.Accept()
		if err := proxytest.Receive(far, 9, 10); err != nil {
			t.Fatal(err)
		}
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

// start runs a peer until the test ends, and returns when it listens.
func start(t *testing.T, p peer, config, addr string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, p.name, p.args(file)...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Logf("%s said %q", p.name, said.String())
		}
	})
	for !listens(t, addr) {
		select {
		case <-ended:
			t.Fatalf("%s ended: %q", p.name, said.String())
		default:
		}
	}
}

// listens reports whether somebody listens at addr. It asks the kernel: a trial
// connection would be a visitor.
func listens(t *testing.T, addr string) bool {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		table, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line)
			if len(f) > 3 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", n)) && f[3] == "0A" {
				return true
			}
		}
	}
	return false
}

// certificateFiles returns the files of a certificate and its key.
func certificateFiles(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	identity, err := certificate.SelfSigned(testName, cert)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(identity.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

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

// Where sing-box listens, in a namespace of its own.
const (
	peerServer = "127.0.0.1:8443"
	peerClient = "127.0.0.1:1080"
)

// interopBytes go each way through every pair of programs.
const interopBytes = 20e6

func singServer(cert, key string) string {
	return fmt.Sprintf(`{"log": {"level": "error"}, "inbounds": [{"type": "hysteria2", "listen": "127.0.0.1", "listen_port": 8443,
		"users": [{"name": "u", "password": %q}], "tls": {"enabled": true, "server_name": %q, "certificate_path": %q, "key_path": %q}}],
		"outbounds": [{"type": "direct"}]}`, testPassword, testName, cert, key)
}

func singClient(addr, cert string) string {
	host, port, _ := net.SplitHostPort(addr)
	return fmt.Sprintf(`{"log": {"level": "error"}, "inbounds": [{"type": "socks", "listen": "127.0.0.1", "listen_port": 1080}],
		"outbounds": [{"type": "hysteria2", "server": %q, "server_port": %s, "password": %q,
		"tls": {"enabled": true, "server_name": %q, "certificate_path": %q}}]}`, host, port, testPassword, testName, cert)
}

// TestInterop drives sing-box in either role, with these programs in the other.
func TestInterop(t *testing.T) {
	if _, err := exec.LookPath("sing-box"); err != nil {
		t.Skipf("sing-box is not there (make peers): %v", err)
	}
	if !proxytest.Namespace(t) {
		return
	}
	cert, key := certificateFiles(t)
	t.Run("their server", func(t *testing.T) {
		start(t, singServer(cert, key), peerServer)
		for _, args := range ways {
			client := startClient(t, peerServer, cert, args...)
			interop(t, client.Addr)
			quiet(t, client)
		}
	})
	t.Run("their client", func(t *testing.T) {
		server := proxytest.Start(t, "server", "-listen", "127.0.0.1:0", "-password", testPassword, "-cert", cert, "-key", key)
		start(t, singClient(server.Addr, cert), peerClient)
		interop(t, peerClient)
	})
}

// interop moves streams and datagrams through the SOCKS5 proxy at addr.
func interop(t *testing.T, addr string) {
	t.Helper()
	for _, closesFirst := range []string{"target", "application"} {
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

// start runs sing-box until the test ends, and returns when it listens.
func start(t *testing.T, config, addr string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sing-box", "run", "-c", file, "-D", filepath.Dir(file))
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
			t.Logf("sing-box said %q", said.String())
		}
	})
	for !listens(t, addr) {
		select {
		case <-ended:
			t.Fatalf("sing-box ended: %q", said.String())
		default:
		}
	}
}

// The states of sockets that somebody can send to.
const (
	listening   = "0A" // TCP
	unconnected = "07" // UDP
)

// listens reports whether somebody listens at addr. It asks the kernel: a trial
// connection would be a visitor, and UDP has none.
func listens(t *testing.T, addr string) bool {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6", "/proc/self/net/udp", "/proc/self/net/udp6"} {
		table, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line)
			if len(f) > 3 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", n)) && (f[3] == listening || f[3] == unconnected) {
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

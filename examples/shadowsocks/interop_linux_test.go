package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// The daemons cannot be asked for a free port: they get these, in a namespace
// where nobody else has any.
const (
	libevServer = "127.0.0.1:8388"
	libevClient = "127.0.0.1:1080"
)

// interopBytes go each way through every pair of programs.
const interopBytes = 100e6

// TestInterop drives shadowsocks-libev, in either role, with these programs in
// the other.
func TestInterop(t *testing.T) {
	for _, name := range []string{"ss-server", "ss-local"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("shadowsocks-libev is not installed: %v", err)
		}
	}
	if !proxytest.Namespace(t) {
		return
	}
	for _, method := range methods {
		t.Run("ss-server/"+method, func(t *testing.T) {
			daemon(t, libevReady, "ss-server", "-u", "-s", "127.0.0.1", "-p", "8388", "-m", method, "-k", testPassword)
			client := startClient(t, libevServer, method)
			interop(t, client.Addr)
			interopDatagrams(t, client.Addr)
			quiet(t, client)
		})
		t.Run("ss-local/"+method, func(t *testing.T) {
			server := startServer(t, method)
			host, port, _ := strings.Cut(server.Addr, ":")
			daemon(t, libevReady, "ss-local", "-u", "-s", host, "-p", port, "-b", "127.0.0.1", "-l", "1080", "-m", method, "-k", testPassword)
			interop(t, libevClient)
			interopDatagrams(t, libevClient)
			quiet(t, server)
		})
	}
}

// TestInteropFull drives sing-box in the same way, which takes minutes to build.
func TestInteropFull(t *testing.T) {
	if os.Getenv("HEADRACE_INTEROP") != "full" {
		t.Skip("HEADRACE_INTEROP is not full")
	}
	if _, err := exec.LookPath("sing-box"); err != nil {
		t.Skipf("sing-box is not installed: %v", err)
	}
	if !proxytest.Namespace(t) {
		return
	}
	for _, method := range methods {
		t.Run("server/"+method, func(t *testing.T) {
			singBox(t, fmt.Sprintf(`{
				"inbounds": [{"type": "shadowsocks", "listen": "127.0.0.1", "listen_port": 8388, "method": %q, "password": %q}],
				"outbounds": [{"type": "direct"}]}`, method, testPassword))
			client := startClient(t, libevServer, method)
			interop(t, client.Addr)
			interopDatagrams(t, client.Addr)
			quiet(t, client)
		})
		t.Run("client/"+method, func(t *testing.T) {
			server := startServer(t, method)
			host, port, _ := strings.Cut(server.Addr, ":")
			singBox(t, fmt.Sprintf(`{
				"inbounds": [{"type": "socks", "listen": "127.0.0.1", "listen_port": 1080}],
				"outbounds": [{"type": "shadowsocks", "server": %q, "server_port": %s, "method": %q, "password": %q}]}`,
				host, port, method, testPassword))
			interop(t, libevClient)
			interopDatagrams(t, libevClient)
			quiet(t, server)
		})
	}
}

// singBox runs sing-box with a configuration until the test ends.
func singBox(t *testing.T, config string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon(t, "sing-box started", "sing-box", "run", "-c", file)
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

// daemon runs somebody else's program until the test ends, and returns when it
// has said that it is ready.
func daemon(t *testing.T, readyLine, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	ready := false
	for !ready && said.Scan() {
		ready = strings.Contains(said.Text(), readyLine)
	}
	if !ready {
		t.Errorf("%s did not start", name)
	}
	rest := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(out) // ends when the daemon is killed
		rest <- string(b)
	}()
	t.Cleanup(func() {
		cancel()
		said := <-rest
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("%s said %q", name, said)
		}
	})
}

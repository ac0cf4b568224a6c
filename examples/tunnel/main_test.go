package main

import (
	"io"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

func TestMain(m *testing.M) { proxytest.Main(m, main) }

var names = []string{"tcp", "tls", "ech", "ssh", "h2", "quic"}

// keys makes the keys of both sides.
func keys(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := generate(dir, "tunnel.example"); err != nil {
		t.Fatal(err)
	}
	return dir
}

func startServer(t *testing.T, transport, dir string) *proxytest.Program {
	t.Helper()
	return proxytest.Start(t, "server", "-listen", "127.0.0.1:0", "-transport", transport, "-dir", dir)
}

func startClient(t *testing.T, server, transport, dir string, args ...string) *proxytest.Program {
	t.Helper()
	return proxytest.Start(t, append([]string{
		"client", "-listen", "127.0.0.1:0", "-server", server, "-transport", transport, "-dir", dir,
	}, args...)...)
}

// Bytes arrive intact both ways at once, and the end of the stream is carried
// through in each direction by itself.
func TestClientAndServer(t *testing.T) {
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			dir := keys(t)
			server := startServer(t, name, dir)
			client := startClient(t, server.Addr, name, dir)
			proxytest.Streams(t, client.Addr, 4<<20)
			proxytest.Quiet(t, client, server)
		})
	}
}

// A target that speaks first is heard by an application that says nothing.
func TestTargetSpeaksFirst(t *testing.T) {
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			dir := keys(t)
			server := startServer(t, name, dir)
			client := startClient(t, server.Addr, name, dir)
			proxytest.TargetFirst(t, client.Addr)
		})
	}
}

// Where the protocol has a word for it, the application is told that its
// destination cannot be reached; elsewhere its connection ends.
func TestUnreachable(t *testing.T) {
	closed := proxytest.Listen(t, "127.0.0.1:0")
	closed.Close()
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			dir := keys(t)
			server := startServer(t, name, dir)
			client := startClient(t, server.Addr, name, dir)
			app, reply := proxytest.Ask(t, client.Addr, proxytest.Request(closed.Dest))
			if name == "h2" || name == "ssh" || name == "quic" {
				if reply != socks.ConnectionRefused {
					t.Errorf("reply %v, want %v", reply, socks.ConnectionRefused)
				}
				return
			}
			if rest, err := io.ReadAll(app); len(rest) > 0 {
				t.Errorf("%d bytes, %v, want the end", len(rest), err)
			}
		})
	}
}

// Nobody gets through with other keys.
func TestStrangers(t *testing.T) {
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	for _, name := range names[1:] {
		t.Run(name, func(t *testing.T) {
			server := startServer(t, name, keys(t))
			client := startClient(t, server.Addr, name, keys(t))
			app := proxytest.Dial(t, client.Addr)
			if _, err := app.Write(proxytest.Request(target.Dest)); err != nil {
				t.Fatal(err)
			}
			if reply, err := proxytest.ReadReply(app); err == nil && reply == 0 {
				if rest, err := io.ReadAll(app); len(rest) > 0 {
					t.Errorf("%d bytes, %v, want the end", len(rest), err)
				}
			}
		})
	}
}

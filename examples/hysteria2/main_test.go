package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quic-go/quic-go/http3"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

func TestMain(m *testing.M) { proxytest.Main(m, main) }

var sides = proxytest.Sides{Name: "hysteria.test", Password: "barfoo!"}

// ways are how a client may go about it.
var ways = map[string][]string{"plain": nil, "fast": {"-fast"}, "sessions": {"-sessions", "3"}}

// TestClientAndServer moves bytes both ways, and ends either side's stream
// first.
func TestClientAndServer(t *testing.T) {
	for way, args := range ways {
		t.Run(way, func(t *testing.T) {
			server, ca := sides.Server(t)
			client := sides.Client(t, server.Addr, ca, args...)
			proxytest.Streams(t, client.Addr, 8<<20)
			proxytest.Quiet(t, client, server)
		})
	}
}

func TestTargetSpeaksFirst(t *testing.T) {
	for way, args := range ways {
		t.Run(way, func(t *testing.T) {
			server, ca := sides.Server(t)
			client := sides.Client(t, server.Addr, ca, args...)
			proxytest.TargetFirst(t, client.Addr)
			proxytest.Quiet(t, client, server)
		})
	}
}

// TestUnreachable: an application that waits for the answer is told; one that
// does not sees the end.
func TestUnreachable(t *testing.T) {
	closed := proxytest.Listen(t, "127.0.0.1:0")
	closed.Close()
	for way, args := range ways {
		t.Run(way, func(t *testing.T) {
			server, ca := sides.Server(t)
			client := sides.Client(t, server.Addr, ca, args...)
			app, reply := proxytest.Ask(t, client.Addr, proxytest.Request(closed.Dest))
			if way == "fast" {
				if rest, _ := io.ReadAll(app); reply != socks.Succeeded || len(rest) > 0 {
					t.Errorf("reply %v and %d bytes, want success and the end", reply, len(rest))
				}
			} else if reply != socks.ConnectionRefused {
				t.Errorf("reply %v, want %v", reply, socks.ConnectionRefused)
			}
			for _, p := range []*proxytest.Program{client, server} {
				if line := p.LogLine(); !strings.Contains(line, "refused") {
					t.Errorf("logged %q", line)
				}
			}
		})
	}
}

// visitor returns a web client that trusts the server, and does not know the
// password.
func visitor(t *testing.T, ca string) *http.Client {
	t.Helper()
	transport := &http3.Transport{TLSClientConfig: sides.Visitor(t, ca)}
	t.Cleanup(func() {
		if err := transport.Close(); err != nil {
			t.Error(err)
		}
	})
	return &http.Client{Transport: transport}
}

// TestVisitors: to whoever does not know the password the server is a web
// server, also where a client would show it.
func TestVisitors(t *testing.T) {
	behind := proxytest.WebServer(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "page.txt"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args   []string
		status int
		get    string // what /page.txt is
		auth   string // what POST /auth is
	}{
		"nothing":   {nil, http.StatusNotFound, "404 page not found\n", "404 page not found\n"},
		"directory": {[]string{"-site", dir}, http.StatusOK, "hello", "404 page not found\n"},
		"url":       {[]string{"-site", behind.URL}, http.StatusOK, "GET /page.txt, 0 bytes", "POST /auth, 4 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			server, ca := sides.Server(t, tt.args...)
			web := visitor(t, ca)
			for range 3 { // on one connection
				resp, err := web.Get("https://" + server.Addr + "/page.txt")
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				if string(got) != tt.get || err != nil || resp.StatusCode != tt.status {
					t.Errorf("the visitor got %q, %v, %v, want %q", got, err, resp.Status, tt.get)
				}
				r, err := http.NewRequest(http.MethodPost, "https://"+server.Addr+"/auth", strings.NewReader("body"))
				if err != nil {
					t.Fatal(err)
				}
				r.Host = "hysteria"
				r.Header.Set("Hysteria-Auth", "foobar!")
				if resp, err = web.Do(r); err != nil {
					t.Fatal(err)
				}
				got, err = io.ReadAll(resp.Body)
				if string(got) != tt.auth || err != nil || resp.Header.Get("Hysteria-UDP") != "" {
					t.Errorf("with a wrong password: %q, %v, %v, want %q", got, err, resp.Header, tt.auth)
				}
			}
			proxytest.Quiet(t, server)
		})
	}
}

// TestWrongPassword: the client says what is wrong, and lets nobody through.
func TestWrongPassword(t *testing.T) {
	server, ca := sides.Server(t)
	client := proxytest.Start(t, "client", "-listen", "127.0.0.1:0", "-password", "foobar!", "-server", server.Addr, "-ca", ca, "-name", sides.Name)
	_, reply := proxytest.Ask(t, client.Addr, proxytest.Request(socks.Addr{Name: "example.org", Port: 80}))
	if reply == socks.Succeeded {
		t.Errorf("reply %d", reply)
	}
	if line := client.LogLine(); !strings.Contains(line, "password") {
		t.Errorf("the client logged %q", line)
	}
	proxytest.Quiet(t, server)
}

// TestUntrusted: the client gives no password to a server that it does not
// trust.
func TestUntrusted(t *testing.T) {
	server, _ := sides.Server(t)
	_, other := sides.Server(t)
	client := sides.Client(t, server.Addr, other)
	_, reply := proxytest.Ask(t, client.Addr, proxytest.Request(socks.Addr{Name: "example.org", Port: 80}))
	if reply == socks.Succeeded {
		t.Fatalf("reply %d", reply)
	}
	if line := client.LogLine(); !strings.Contains(line, "certificate") {
		t.Errorf("the client logged %q", line)
	}
}

// TestServerComesBack: a server that has ended is dialed anew, and the client
// says nothing of a session that nobody used.
func TestServerComesBack(t *testing.T) {
	server, ca := sides.Server(t)
	client := sides.Client(t, server.Addr, ca)
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	app := proxytest.Connect(t, client.Addr, target.Dest)
	proxytest.RoundTrip(t, app, 1000)
	proxytest.Finish(t, app)
	server.Stop()
	again := proxytest.Start(t, "server", "-listen", server.Addr, "-password", sides.Password, "-selfsigned", sides.Name, "-cert", ca)
	client.Stop()
	client = sides.Client(t, again.Addr, ca)
	app = proxytest.Connect(t, client.Addr, target.Dest)
	proxytest.RoundTrip(t, app, 1000)
	proxytest.Finish(t, app)
	proxytest.Quiet(t, client, again)
}

func TestRefusesNonsense(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	proxytest.Refuses(t, [][]string{
		{"server", "-password", "x"},
		{"server", "-password", "x", "-cert", missing, "-key", missing},
		{"server", "-password", "x", "-selfsigned", "n", "-key", missing},
		{"server", "-password", "x", "-selfsigned", "n", "-site", missing},
		{"server", "-password", "x", "-selfsigned", "n", "-idle", "0s"},
		{"server", "-password", "x", "-selfsigned", "n", "more"},
		{"server", "-selfsigned", "n"},
		{"client", "-password", "x"},
		{"client", "-password", "x", "-server", "nowhere"},
		{"client", "-password", "x", "-server", "a:1", "-sessions", "0"},
		{"client", "-password", "x", "-server", "a:1", "-ca", missing},
		{"client", "-server", "a:1"},
	}...)
	proxytest.ShowsUsage(t, nil, []string{"nobody"}, []string{"server", "-nonsense"})
}

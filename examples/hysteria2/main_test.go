package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quic-go/quic-go/http3"

	"github.com/headrace-go/headrace/examples/internal/certificate"
	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

func TestMain(m *testing.M) { proxytest.Main(m, main) }

const (
	testPassword = "barfoo!"
	testName     = "hysteria.test"
)

// startServer starts a server, and returns it with the file of its certificate.
func startServer(t *testing.T, args ...string) (server *proxytest.Program, ca string) {
	t.Helper()
	ca = filepath.Join(t.TempDir(), "ca.pem")
	return proxytest.Start(t, append([]string{
		"server", "-listen", "127.0.0.1:0", "-password", testPassword, "-selfsigned", testName, "-cert", ca,
	}, args...)...), ca
}

func startClient(t *testing.T, server, ca string, args ...string) *proxytest.Program {
	t.Helper()
	return proxytest.Start(t, append([]string{
		"client", "-listen", "127.0.0.1:0", "-password", testPassword, "-server", server, "-ca", ca, "-name", testName,
	}, args...)...)
}

// quiet stops the programs, none of which may have logged anything.
func quiet(t *testing.T, programs ...*proxytest.Program) {
	t.Helper()
	for _, p := range programs {
		if lines := p.Rest(); len(lines) > 0 {
			t.Errorf("logged %q", lines)
		}
	}
}

// ways are how a client may go about it.
var ways = map[string][]string{"plain": nil, "fast": {"-fast"}, "sessions": {"-sessions", "3"}}

// TestClientAndServer moves bytes both ways, and ends either side's stream
// first.
func TestClientAndServer(t *testing.T) {
	for way, args := range ways {
		t.Run(way, func(t *testing.T) {
			server, ca := startServer(t)
			client := startClient(t, server.Addr, ca, args...)
			for _, closesFirst := range []string{"application", "target"} {
				target := proxytest.Listen(t, "127.0.0.1:0")
				near := proxytest.Connect(t, client.Addr, target.Dest)
				far := target.Accept()
				proxytest.Exchange(t, near, far, 8<<20)
				if closesFirst == "target" {
					near, far = far, near
				}
				if err := near.CloseWrite(); err != nil {
					t.Fatal(err)
				}
				if err := proxytest.End(far); err != nil {
					t.Fatal(err)
				}
				if err := proxytest.Send(far, 3, 1<<20); err != nil { // this direction goes on
					t.Fatal(err)
				}
				if err := far.CloseWrite(); err != nil {
					t.Fatal(err)
				}
				if err := proxytest.Receive(near, 3, 1<<20); err != nil {
					t.Fatal(err)
				}
				if err := proxytest.End(near); err != nil {
					t.Fatal(err)
				}
			}
			quiet(t, client, server)
		})
	}
}

func TestTargetSpeaksFirst(t *testing.T) {
	for way, args := range ways {
		t.Run(way, func(t *testing.T) {
			server, ca := startServer(t)
			client := startClient(t, server.Addr, ca, args...)
			target := proxytest.Listen(t, "127.0.0.1:0")
			app := proxytest.Connect(t, client.Addr, target.Dest)
			origin := target.Accept()
			if err := proxytest.Send(origin, 1, 100); err != nil {
				t.Fatal(err)
			}
			if err := proxytest.Receive(app, 1, 100); err != nil {
				t.Fatal(err)
			}
			proxytest.Exchange(t, app, origin, 1000)
			if err := origin.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			proxytest.Finish(t, app)
			quiet(t, client, server)
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
			server, ca := startServer(t)
			client := startClient(t, server.Addr, ca, args...)
			app := proxytest.Dial(t, client.Addr)
			if _, err := app.Write(proxytest.Request(closed.Dest)); err != nil {
				t.Fatal(err)
			}
			reply, err := proxytest.ReadReply(app)
			if err != nil {
				t.Fatal(err)
			}
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
	roots, err := certificate.Authorities(ca)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: testName}}
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
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s, %d bytes", r.Method, r.URL, len(body))
	}))
	defer behind.Close()
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
			server, ca := startServer(t, tt.args...)
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
			quiet(t, server)
		})
	}
}

// TestWrongPassword: the client says what is wrong, and lets nobody through.
func TestWrongPassword(t *testing.T) {
	server, ca := startServer(t)
	client := proxytest.Start(t, "client", "-listen", "127.0.0.1:0", "-password", "foobar!", "-server", server.Addr, "-ca", ca, "-name", testName)
	app := proxytest.Dial(t, client.Addr)
	if _, err := app.Write(proxytest.Request(socks.Addr{Name: "example.org", Port: 80})); err != nil {
		t.Fatal(err)
	}
	if reply, err := proxytest.ReadReply(app); reply == socks.Succeeded || err != nil {
		t.Errorf("reply %d, %v", reply, err)
	}
	if line := client.LogLine(); !strings.Contains(line, "password") {
		t.Errorf("the client logged %q", line)
	}
	quiet(t, server)
}

// TestUntrusted: the client gives no password to a server that it does not
// trust.
func TestUntrusted(t *testing.T) {
	server, _ := startServer(t)
	_, other := startServer(t)
	client := startClient(t, server.Addr, other)
	app := proxytest.Dial(t, client.Addr)
	if _, err := app.Write(proxytest.Request(socks.Addr{Name: "example.org", Port: 80})); err != nil {
		t.Fatal(err)
	}
	if reply, err := proxytest.ReadReply(app); reply == socks.Succeeded || err != nil {
		t.Fatalf("reply %d, %v", reply, err)
	}
	if line := client.LogLine(); !strings.Contains(line, "certificate") {
		t.Errorf("the client logged %q", line)
	}
}

// TestServerComesBack: a server that has ended is dialed anew, and the client
// says nothing of a session that nobody used.
func TestServerComesBack(t *testing.T) {
	server, ca := startServer(t)
	client := startClient(t, server.Addr, ca)
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	app := proxytest.Connect(t, client.Addr, target.Dest)
	proxytest.RoundTrip(t, app, 1000)
	proxytest.Finish(t, app)
	server.Stop()
	again := proxytest.Start(t, "server", "-listen", server.Addr, "-password", testPassword, "-selfsigned", testName, "-cert", ca)
	client.Stop()
	client = startClient(t, again.Addr, ca)
	app = proxytest.Connect(t, client.Addr, target.Dest)
	proxytest.RoundTrip(t, app, 1000)
	proxytest.Finish(t, app)
	quiet(t, client, again)
}

func TestRefusesNonsense(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, args := range [][]string{
		{},
		{"nobody"},
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
	} {
		if status, lines := proxytest.Fail(t, args...); status == 0 || len(lines) == 0 {
			t.Errorf("%q: exit status %d, %q", args, status, lines)
		}
	}
}

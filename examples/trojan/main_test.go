package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/certificate"
	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/trojan"
)

func TestMain(m *testing.M) { proxytest.Main(m, main) }

const (
	testPassword = "barfoo!"
	testName     = "trojan.test"
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

// TestClientAndServer moves bytes both ways, and ends either side's stream
// first.
func TestClientAndServer(t *testing.T) {
	server, ca := startServer(t)
	client := startClient(t, server.Addr, ca)
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
}

func TestTargetSpeaksFirst(t *testing.T) {
	server, ca := startServer(t)
	client := startClient(t, server.Addr, ca)
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
}

// TestNothingToSay ends a stream on which the application said nothing.
func TestNothingToSay(t *testing.T) {
	server, ca := startServer(t)
	client := startClient(t, server.Addr, ca)
	target := proxytest.Listen(t, "127.0.0.1:0")
	app := proxytest.Dial(t, client.Addr)
	if _, err := app.Write(proxytest.Request(target.Dest)); err != nil {
		t.Fatal(err)
	}
	if err := app.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	origin := target.Accept()
	proxytest.Finish(t, origin)
	// The end has to come all the way before the programs are stopped.
	if _, err := io.ReadAll(app); err != nil {
		t.Error(err)
	}
	quiet(t, client, server)
}

// TestSessionsAreResumed looks at what the client sends: a server of its own
// says which of its handshakes are resumed.
func TestSessionsAreResumed(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	identity, err := certificate.SelfSigned(testName, ca)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{identity}})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client := startClient(t, ln.Addr().String(), ca)
	for i := range 3 {
		app := proxytest.Connect(t, client.Addr, socks.Addr{Name: "example.org", Port: 80})
		if _, err := app.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := trojan.Accept(c, trojan.NewKey(testPassword)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("y")); err != nil { // the ticket has come in front of it
			t.Fatal(err)
		}
		if _, err := io.ReadFull(app, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if resumed := c.(*tls.Conn).ConnectionState().DidResume; resumed != (i > 0) {
			t.Errorf("connection %d: resumed %v", i, resumed)
		}
		c.Close()
		proxytest.Finish(t, app)
	}
	quiet(t, client)
}

// webServer is a web server without TLS; it says what it was asked for.
func webServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s, %d bytes", r.Method, r.URL, len(body))
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// TestVisitors: to whoever does not know the password the server is the web
// server behind it.
func TestVisitors(t *testing.T) {
	server, ca := startServer(t, "-fallback", webServer(t))
	roots, err := certificate.Authorities(ca)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: testName}}
	defer transport.CloseIdleConnections()
	web := &http.Client{Transport: transport}
	for i := range 3 { // on one connection
		resp, err := web.Post("https://"+server.Addr+"/page", "text/plain", strings.NewReader(strings.Repeat("x", i<<16)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if want := fmt.Sprintf("POST /page, %d bytes", i<<16); string(got) != want || err != nil {
			t.Errorf("the visitor got %q, %v, want %q", got, err, want)
		}
	}
	quiet(t, server)

	// A web server may close, with a reset, as soon as it has heard enough of
	// these. This one listens to the end, and repeats it.
	server, ca = startServer(t, "-fallback", parrot(t))
	if roots, err = certificate.Authorities(ca); err != nil {
		t.Fatal(err)
	}
	for name, said := range map[string]string{
		"wrong password": wrongRequest("foobar!"),
		"half a key":     strings.Repeat("a", 30),
		"garbage":        "\x00\x01\x02\x03",
	} {
		c, err := tls.Dial("tcp", server.Addr, &tls.Config{RootCAs: roots, ServerName: testName})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, said); err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		if string(got) != "you said "+said || err != nil {
			t.Errorf("%s: the visitor got %q, %v, want all that he said", name, got, err)
		}
		c.Close()
	}
	quiet(t, server)
}

// parrot is a server that repeats what it was told, at the end of it.
func parrot(t *testing.T) (addr string) {
	t.Helper()
	target := proxytest.Listen(t, "127.0.0.1:0")
	go func() {
		for range 3 {
			c := target.Accept()
			said, _ := io.ReadAll(c)
			_, _ = io.WriteString(c, "you said "+string(said))
			_ = c.Close()
		}
	}()
	return target.Dest.String()
}

func wrongRequest(password string) string {
	var b bytes.Buffer
	_ = trojan.Request(&b, trojan.NewKey(password), trojan.Connect, socks.Addr{Name: "example.org", Port: 80}, nil)
	return b.String()
}

// TestVisitorsWithoutFallback are closed, and logged.
func TestVisitorsWithoutFallback(t *testing.T) {
	server, ca := startServer(t)
	roots, err := certificate.Authorities(ca)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", server.Addr, &tls.Config{RootCAs: roots, ServerName: testName})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := proxytest.End(c); err != nil {
		t.Error(err)
	}
	if line := server.LogLine(); !strings.Contains(line, c.LocalAddr().String()) || !strings.Contains(line, "wrong password") {
		t.Errorf("logged %q", line)
	}
	plain := proxytest.Dial(t, server.Addr) // TLS is what it does not speak
	if _, err := io.WriteString(plain, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line := server.LogLine(); !strings.Contains(line, plain.LocalAddr().String()) || !strings.Contains(line, "tls") {
		t.Errorf("logged %q", line)
	}
	proxytest.Finish(t, plain)
}

// TestUntrusted: the client gives no password to a server that it does not
// trust.
func TestUntrusted(t *testing.T) {
	server, _ := startServer(t)
	_, other := startServer(t)
	client := startClient(t, server.Addr, other)
	app := proxytest.Dial(t, client.Addr)
	if _, err := app.Write(append(proxytest.Request(socks.Addr{Name: "example.org", Port: 80}), "secret"...)); err != nil {
		t.Fatal(err)
	}
	if reply, err := proxytest.ReadReply(app); reply != socks.Succeeded || err != nil {
		t.Fatalf("reply %d, %v", reply, err)
	}
	if line := client.LogLine(); !strings.Contains(line, "certificate") {
		t.Errorf("the client logged %q", line)
	}
	if line := server.LogLine(); !strings.Contains(line, "certificate") {
		t.Errorf("the server logged %q", line)
	}
}

func TestServerIsGone(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	client := startClient(t, addr, "")
	app := proxytest.Dial(t, client.Addr)
	if _, err := app.Write(proxytest.Request(socks.Addr{Name: "example.org", Port: 80})); err != nil {
		t.Fatal(err)
	}
	if reply, err := proxytest.ReadReply(app); reply != socks.ConnectionRefused || err != nil {
		t.Errorf("reply %d, %v, want %d", reply, err, socks.ConnectionRefused)
	}
	client.LogLine()
}

func TestRefusesNonsense(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, args := range [][]string{
		{},
		{"nobody"},
		{"server", "-password", "x"},
		{"server", "-password", "x", "-cert", missing, "-key", missing},
		{"server", "-password", "x", "-selfsigned", "n", "-key", missing},
		{"server", "-selfsigned", "n"},
		{"server", "-password", "x", "-selfsigned", "n", "-idle", "0s"},
		{"server", "-password", "x", "-selfsigned", "n", "more"},
		{"client", "-password", "x"},
		{"client", "-password", "x", "-server", "nowhere"},
		{"client", "-password", "x", "-server", "a:1", "-wait", "0s"},
		{"client", "-password", "x", "-server", "a:1", "-ca", missing},
		{"client", "-server", "a:1"},
	} {
		if status, lines := proxytest.Fail(t, args...); status == 0 || len(lines) == 0 {
			t.Errorf("%q: exit status %d, %q", args, status, lines)
		}
	}
}

// TestWarm: handshakes with the server are over before anybody asks for a
// connection, and one that the server has ended is replaced.
func TestWarm(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	identity, err := certificate.SelfSigned(testName, ca)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{identity}})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	idle := startClient(t, ln.Addr().String(), ca, "-warm", "2")
	for range 3 {
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.(*tls.Conn).Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	quiet(t, idle)

	server, ca := startServer(t)
	client := startClient(t, server.Addr, ca, "-warm", "2")
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	for range 10 {
		app := proxytest.Connect(t, client.Addr, target.Dest)
		proxytest.RoundTrip(t, app, 1000)
		proxytest.Finish(t, app)
	}
	quiet(t, client)
}

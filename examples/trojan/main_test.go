package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/certificate"
	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/trojan"
)

func TestMain(m *testing.M) { proxytest.Main(m, main) }

var sides = proxytest.Sides{Name: "trojan.test", Password: "barfoo!"}

// TestClientAndServer moves bytes both ways, and ends either side's stream
// first.
func TestClientAndServer(t *testing.T) {
	server, ca := sides.Server(t)
	client := sides.Client(t, server.Addr, ca)
	proxytest.Streams(t, client.Addr, 8<<20)
	proxytest.Quiet(t, client, server)
}

func TestTargetSpeaksFirst(t *testing.T) {
	server, ca := sides.Server(t)
	client := sides.Client(t, server.Addr, ca)
	proxytest.TargetFirst(t, client.Addr)
	proxytest.Quiet(t, client, server)
}

// TestNothingToSay ends a stream on which the application said nothing.
func TestNothingToSay(t *testing.T) {
	server, ca := sides.Server(t)
	client := sides.Client(t, server.Addr, ca)
	proxytest.NothingToSay(t, client.Addr)
	proxytest.Quiet(t, client, server)
}

// listenTLS returns a listener for TLS, until the test ends, and the file of its
// certificate.
func listenTLS(t *testing.T) (ln net.Listener, ca string) {
	t.Helper()
	ca = filepath.Join(t.TempDir(), "ca.pem")
	identity, err := certificate.SelfSigned(sides.Name, ca)
	if err != nil {
		t.Fatal(err)
	}
	ln, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{identity}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln, ca
}

// TestSessionsAreResumed looks at what the client sends: a server of its own
// says which of its handshakes are resumed.
func TestSessionsAreResumed(t *testing.T) {
	ln, ca := listenTLS(t)
	client := sides.Client(t, ln.Addr().String(), ca)
	for i := range 3 {
		app := proxytest.Connect(t, client.Addr, socks.Addr{Name: "example.org", Port: 80})
		if _, err := app.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := trojan.Accept(c, trojan.NewKey(sides.Password)); err != nil {
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
	proxytest.Quiet(t, client)
}

// TestVisitors: to whoever does not know the password the server is the web
// server behind it.
func TestVisitors(t *testing.T) {
	server, ca := sides.Server(t, "-fallback", proxytest.WebServer(t).Listener.Addr().String())
	transport := &http.Transport{TLSClientConfig: sides.Visitor(t, ca)}
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
	proxytest.Quiet(t, server)

	// A web server may close, with a reset, as soon as it has heard enough of
	// these. This one listens to the end, and repeats it.
	server, ca = sides.Server(t, "-fallback", parrot(t))
	for name, said := range map[string]string{
		"wrong password": wrongRequest("foobar!"),
		"half a key":     strings.Repeat("a", 30),
		"garbage":        "\x00\x01\x02\x03",
	} {
		c, err := tls.Dial("tcp", server.Addr, sides.Visitor(t, ca))
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
	proxytest.Quiet(t, server)
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
	server, ca := sides.Server(t)
	c, err := tls.Dial("tcp", server.Addr, sides.Visitor(t, ca))
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
	server, _ := sides.Server(t)
	_, other := sides.Server(t)
	client := sides.Client(t, server.Addr, other)
	_, reply := proxytest.Ask(t, client.Addr, append(proxytest.Request(socks.Addr{Name: "example.org", Port: 80}), "secret"...))
	if reply != socks.Succeeded {
		t.Fatalf("reply %d", reply)
	}
	if line := client.LogLine(); !strings.Contains(line, "certificate") {
		t.Errorf("the client logged %q", line)
	}
	if line := server.LogLine(); !strings.Contains(line, "certificate") {
		t.Errorf("the server logged %q", line)
	}
}

func TestServerIsGone(t *testing.T) {
	server := proxytest.Listen(t, "127.0.0.1:0")
	server.Close()
	client := sides.Client(t, server.Dest.String(), "")
	_, reply := proxytest.Ask(t, client.Addr, proxytest.Request(socks.Addr{Name: "example.org", Port: 80}))
	if reply != socks.ConnectionRefused {
		t.Errorf("reply %d, want %d", reply, socks.ConnectionRefused)
	}
	client.LogLine()
}

func TestRefusesNonsense(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	proxytest.Refuses(t, [][]string{
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
	}...)
	proxytest.ShowsUsage(t, nil, []string{"nobody"}, []string{"server", "-nonsense"})
}

// TestWarm: handshakes with the server are over before anybody asks for a
// connection, and one that the server has ended is replaced.
func TestWarm(t *testing.T) {
	ln, ca := listenTLS(t)
	idle := sides.Client(t, ln.Addr().String(), ca, "-warm", "2")
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
	proxytest.Quiet(t, idle)

	server, ca := sides.Server(t)
	client := sides.Client(t, server.Addr, ca, "-warm", "2")
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	for range 10 {
		app := proxytest.Connect(t, client.Addr, target.Dest)
		proxytest.RoundTrip(t, app, 1000)
		proxytest.Finish(t, app)
	}
	proxytest.Quiet(t, client)
}

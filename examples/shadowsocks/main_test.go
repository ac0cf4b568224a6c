package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/ss"
)

func TestMain(m *testing.M) { proxytest.Main(m, main) }

var methods = []string{"aes-128-gcm", "aes-256-gcm", "chacha20-ietf-poly1305"}

const (
	testMethod   = "aes-256-gcm"
	testPassword = "barfoo!"
)

func startServer(t *testing.T, method string, args ...string) *proxytest.Program {
	t.Helper()
	return proxytest.Start(t, append([]string{
		"server", "-listen", "127.0.0.1:0", "-method", method, "-password", testPassword,
	}, args...)...)
}

func startClient(t *testing.T, server, method string, args ...string) *proxytest.Program {
	t.Helper()
	return proxytest.Start(t, append([]string{
		"client", "-listen", "127.0.0.1:0", "-server", server, "-method", method, "-password", testPassword,
	}, args...)...)
}

// Bytes arrive intact both ways at once, and the end of the stream is carried
// through in each direction by itself.
func TestClientAndServer(t *testing.T) {
	for _, method := range methods {
		t.Run(method, func(t *testing.T) {
			server := startServer(t, method)
			client := startClient(t, server.Addr, method)
			proxytest.Streams(t, client.Addr, 8<<20)
			proxytest.Quiet(t, client, server)
		})
	}
}

// sealedLen is the length of one chunk with n bytes of payload.
func sealedLen(n int) int { return n + aead.ChunkOverhead }

// Salt, address and first data leave the client in one write: one read returns
// them all, as one chunk.
func TestFirstFlight(t *testing.T) {
	for _, method := range methods {
		saltLen := 32
		if method == "aes-128-gcm" {
			saltLen = 16
		}
		server := proxytest.Listen(t, "127.0.0.1:0")
		client := startClient(t, server.Dest.String(), method, "-wait", "1m")
		dest := socks.Addr{Name: "example.org", Port: 443}
		const first = "GET / HTTP/1.1\r\n\r\n"
		app := proxytest.Dial(t, client.Addr)
		if _, err := app.Write(append(proxytest.Request(dest), first...)); err != nil {
			t.Fatal(err)
		}
		raw := server.Accept()
		flight := make([]byte, 64<<10)
		n, err := raw.Read(flight)
		want := saltLen + sealedLen(len(dest.Append(nil))+len(first))
		if n != want || err != nil {
			t.Errorf("%s: the first read returns %d bytes, %v, want %d", method, n, err, want)
		}
		proxytest.Quiet(t, client)
	}
}

// When the target speaks first, the application need not.
func TestTargetSpeaksFirst(t *testing.T) {
	server := startServer(t, testMethod)
	client := startClient(t, server.Addr, testMethod)
	proxytest.TargetFirst(t, client.Addr)
	proxytest.Quiet(t, client, server)
}

// An application that ends its stream before it said anything still gets there.
func TestNothingToSay(t *testing.T) {
	server := startServer(t, testMethod)
	client := startClient(t, server.Addr, testMethod)
	proxytest.NothingToSay(t, client.Addr)
	proxytest.Quiet(t, client, server)
}

// opening returns what a client with password sends first to get to dest.
func opening(t *testing.T, method, password string, dest socks.Addr, first []byte) []byte {
	t.Helper()
	key, err := ss.NewKey(method, password)
	if err != nil {
		t.Fatal(err)
	}
	var sent recorder
	if _, err := key.Request(&sent, dest, first); err != nil {
		t.Fatal(err)
	}
	return sent.Bytes()
}

type recorder struct {
	net.Conn // nil: only Write is called
	bytes.Buffer
}

func (r *recorder) Read(p []byte) (int, error)  { return r.Buffer.Read(p) }
func (r *recorder) Write(p []byte) (int, error) { return r.Buffer.Write(p) }

// Strangers get no answer, and no end of the connection before they hang up
// themselves. Each is one line in the log; a connection beside them goes on; and
// nothing of them remains.
func TestStrangers(t *testing.T) {
	server := startServer(t, testMethod, "-debug", "127.0.0.1:0")
	client := startClient(t, server.Addr, testMethod)
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	good := proxytest.Connect(t, client.Addr, target.Dest)
	proxytest.RoundTrip(t, good, 1000)
	sockets := server.Sockets()

	nowhere := socks.Addr{Name: "a.name.that.is.never.looked.up", Port: 80}
	genuine := opening(t, testMethod, testPassword, nowhere, nil)
	used := opening(t, testMethod, testPassword, target.Dest, nil)
	altered := bytes.Clone(genuine)
	altered[len(altered)-1] ^= 1
	tests := []struct {
		name string
		sent []byte
		want string
	}{
		{"garbage", bytes.Repeat([]byte("garbage "), 1000), aead.ErrOpen.Error()},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: somebody curious\r\n\r\n"), aead.ErrOpen.Error()},
		{"wrong password", opening(t, testMethod, "foobar!", target.Dest, nil), aead.ErrOpen.Error()},
		{"wrong method", opening(t, "chacha20-ietf-poly1305", testPassword, target.Dest, nil), aead.ErrOpen.Error()},
		{"altered", altered, aead.ErrOpen.Error()},
		{"replay", used, ss.ErrReplay.Error()},
	}

	first := proxytest.Dial(t, server.Addr)
	if _, err := first.Write(used); err != nil {
		t.Fatal(err)
	}
	proxytest.Finish(t, first)

	for _, tt := range tests {
		c := proxytest.Dial(t, server.Addr)
		if _, err := c.Write(tt.sent); err != nil {
			t.Fatal(err)
		}
		line := server.LogLine()
		if !strings.Contains(line, c.LocalAddr().String()+": ") || !strings.Contains(line, tt.want) {
			t.Errorf("%s: logged %q, want the client's address and %q in it", tt.name, line, tt.want)
		}
		// The server has made up its mind. It does not show.
		if _, err := c.Write(make([]byte, 8<<20)); err != nil {
			t.Errorf("%s: the server does not read on: %v", tt.name, err)
		}
		proxytest.Finish(t, c)
		proxytest.RoundTrip(t, good, 10)
	}
	for n := range genuine {
		c := proxytest.Dial(t, server.Addr)
		if _, err := c.Write(genuine[:n]); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 { // half of them by a reset
			if err := c.SetLinger(0); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if line := server.LogLine(); !strings.Contains(line, c.LocalAddr().String()+": ") {
			t.Errorf("the first %d bytes: logged %q, want the client's address in it", n, line)
		}
		proxytest.RoundTrip(t, good, 10)
	}

	strangers := int64(len(tests) + len(genuine))
	server.AwaitSockets(sockets) // the line comes before the close
	v := server.Vars().Proxy
	if v.Accepted != strangers+2 || v.Refused != strangers || v.Joined != 1 || v.Cut != 0 {
		t.Errorf("counters %+v after two good connections and %d strangers", v, strangers)
	}
	proxytest.Finish(t, good)
	proxytest.Quiet(t, client, server)
}

// A stream that is altered on its way is one line, once its peer hangs up, and
// reaches the target as far as it was authentic, without a clean end.
func TestAlteredMidway(t *testing.T) {
	server := startServer(t, testMethod)
	target := proxytest.Listen(t, "127.0.0.1:0")
	c := proxytest.Dial(t, server.Addr)
	if _, err := c.Write(opening(t, testMethod, testPassword, target.Dest, []byte("genuine"))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	origin := target.Accept()
	got := make([]byte, len("genuine"))
	if _, err := io.ReadFull(origin, got); err != nil || string(got) != "genuine" {
		t.Fatalf("the target read %q, %v", got, err)
	}
	proxytest.Finish(t, c)
	if n, err := io.Copy(io.Discard, origin); n != 0 || err == nil {
		t.Errorf("the target read %d bytes more, and no error", n)
	}
	if line := server.LogLine(); !strings.Contains(line, aead.ErrOpen.Error()) {
		t.Errorf("logged %q, want %q in it", line, aead.ErrOpen)
	}
	proxytest.Quiet(t, server)
}

// When the server cannot reach the target, both sides say so to their own.
func TestTargetRefuses(t *testing.T) {
	server := startServer(t, testMethod)
	client := startClient(t, server.Addr, testMethod)
	target := proxytest.Listen(t, "127.0.0.1:0")
	target.Close()
	app := proxytest.Connect(t, client.Addr, target.Dest)
	if err := proxytest.End(app); err != nil {
		t.Error(err)
	}
	if line := server.LogLine(); !strings.Contains(line, target.Dest.String()) {
		t.Errorf("the server logged %q, want %v in it", line, target.Dest)
	}
	proxytest.Quiet(t, client, server)
}

// When the client cannot reach the server, the application gets the reply.
func TestServerRefuses(t *testing.T) {
	server := proxytest.Listen(t, "127.0.0.1:0")
	server.Close()
	client := startClient(t, server.Dest.String(), testMethod)
	app, reply := proxytest.Ask(t, client.Addr, proxytest.Request(server.Dest))
	if reply != socks.ConnectionRefused {
		t.Errorf("reply %d, want %d", reply, socks.ConnectionRefused)
	}
	if err := proxytest.End(app); err != nil {
		t.Error(err)
	}
	client.LogLine()
	proxytest.Quiet(t, client)
}

// Applications that vanish during the opening are one line each, and nothing to
// anyone else.
func TestApplicationVanishes(t *testing.T) {
	server := startServer(t, testMethod)
	client := startClient(t, server.Addr, testMethod, "-debug", "127.0.0.1:0")
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	good := proxytest.Connect(t, client.Addr, target.Dest)
	proxytest.RoundTrip(t, good, 1000)
	sockets := client.Sockets()
	request := proxytest.Request(target.Dest)
	for n := range request {
		app := proxytest.Dial(t, client.Addr)
		if _, err := app.Write(request[:n]); err != nil {
			t.Fatal(err)
		}
		if err := app.Close(); err != nil {
			t.Fatal(err)
		}
		if line := client.LogLine(); !strings.Contains(line, app.LocalAddr().String()+": ") {
			t.Errorf("the first %d bytes: logged %q, want the client's address in it", n, line)
		}
		proxytest.RoundTrip(t, good, 10)
	}
	client.AwaitSockets(sockets) // the line comes before the close
	proxytest.Finish(t, good)
	proxytest.Quiet(t, client, server)
}

// SIGINT ends both with status 0, whatever their connections are doing.
func TestInterrupt(t *testing.T) {
	server := startServer(t, testMethod)
	client := startClient(t, server.Addr, testMethod)
	target := proxytest.Listen(t, "127.0.0.1:0")
	proxytest.Dial(t, server.Addr)
	proxytest.Dial(t, client.Addr)
	proxytest.Connect(t, client.Addr, target.Dest)
	target.Accept()
	busy := proxytest.Connect(t, client.Addr, target.Dest)
	origin := target.Accept()
	sent := make(chan error, 1)
	go func() { sent <- proxytest.Send(busy, 1, 1<<40) }()
	if err := proxytest.Receive(origin, 1, 1<<20); err != nil {
		t.Fatal(err)
	}
	proxytest.Quiet(t, client)
	if err := <-sent; err == nil {
		t.Error("all was sent through a client that is gone")
	}
	server.Stop() // it may have noticed how the client went
}

func TestFlags(t *testing.T) {
	proxytest.Refuses(t, [][]string{
		{"server"},
		{"server", "-password", "x", "-method", "rc4-md5"},
		{"server", "-password", "x", "-idle", "-1s"},
		{"server", "-password", "x", "8388"},
		{"client", "-password", "x"},
		{"client", "-password", "x", "-server", "nowhere"},
		{"client", "-server", "127.0.0.1:1"},
		{"client", "-server", "127.0.0.1:1", "-password", "x", "-wait", "0"},
	}...)
	proxytest.ShowsUsage(t, nil, []string{"proxy"}, []string{"server", "-nonsense"})
}

// TestWarm: connections to the server are there before anybody asks for one, and
// one that the server has closed is replaced.
func TestWarm(t *testing.T) {
	ln := proxytest.Listen(t, "127.0.0.1:0")
	idle := startClient(t, ln.Dest.String(), "aes-128-gcm", "-warm", "2")
	first := ln.Accept()
	ln.Accept()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	ln.Accept()
	proxytest.Quiet(t, idle)

	server := startServer(t, "aes-128-gcm")
	client := startClient(t, server.Addr, "aes-128-gcm", "-warm", "2")
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	for range 10 {
		app := proxytest.Connect(t, client.Addr, target.Dest)
		proxytest.RoundTrip(t, app, 1000)
		proxytest.Finish(t, app)
	}
	proxytest.Quiet(t, client)
}

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/internal/await"
)

func TestMain(m *testing.M) { proxytest.Main(m, main) }

func start(t *testing.T, args ...string) *proxytest.Program {
	t.Helper()
	return proxytest.Start(t, append([]string{"-listen", "127.0.0.1:0"}, args...)...)
}

// Every kind of address works, bytes arrive intact both ways at once, and the
// end of the stream is carried through in each direction by itself.
func TestConnect(t *testing.T) {
	p := start(t)
	for _, tt := range []struct {
		name, listen string
		dest         func(listening socks.Addr) socks.Addr
	}{
		{"IPv4", "127.0.0.1:0", func(a socks.Addr) socks.Addr { return a }},
		{"IPv6", "[::1]:0", func(a socks.Addr) socks.Addr { return a }},
		{"name", "127.0.0.1:0", func(a socks.Addr) socks.Addr { return socks.Addr{Name: "localhost", Port: a.Port} }},
		{"IPv4 as name", "127.0.0.1:0", func(a socks.Addr) socks.Addr { return socks.Addr{Name: "127.0.0.1", Port: a.Port} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "IPv6" && !hasIPv6() {
				t.Skip("no IPv6 loopback on this machine to reach a target by")
			}
			target := proxytest.Listen(t, tt.listen)
			client := proxytest.Connect(t, p.Addr, tt.dest(target.Dest))
			origin := target.Accept()
			proxytest.Exchange(t, client, origin, 4<<20)
			proxytest.EndInTurn(t, client, origin)
		})
	}
	proxytest.Quiet(t, p)
}

func hasIPv6() bool {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false
	}
	_ = ln.Close()
	return true
}

// A client that does not wait for answers loses nothing: its data right behind
// the request goes to the target, and so does its early end of stream.
func TestPipelined(t *testing.T) {
	p := start(t, "-user", "ali", "-password", "sesame")
	target := proxytest.Listen(t, "127.0.0.1:0")
	client := proxytest.Dial(t, p.Addr)
	var all bytes.Buffer
	all.WriteString("\x05\x01\x02" + "\x01\x03ali\x06sesame")
	all.Write(target.Dest.Append([]byte{5, 1, 0}))
	if err := proxytest.Send(&all, 1, 100_000); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write(all.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	origin := target.Accept()
	if err := proxytest.Receive(origin, 1, 100_000); err != nil {
		t.Fatal(err)
	}
	if err := proxytest.End(origin); err != nil {
		t.Fatal(err)
	}
	proxytest.Quiet(t, p)
}

// Each failure has its reply, which arrives whatever else the client has sent,
// and one line in the log.
func TestReplies(t *testing.T) {
	p := start(t)
	closed := proxytest.Listen(t, "127.0.0.1:0")
	closed.Close()
	open := proxytest.Listen(t, "127.0.0.1:0")
	for _, tt := range []struct {
		name    string
		request []byte
		want    socks.Reply
	}{
		{"refused", proxytest.Request(closed.Dest), socks.ConnectionRefused},
		{"no such name", proxytest.Request(socks.Addr{Name: "no..such.name", Port: 80}), socks.HostUnreachable},
		{"BIND", open.Dest.Append([]byte{5, 1, 0, 5, 2, 0}), socks.CommandNotSupported},
		{"unknown command", open.Dest.Append([]byte{5, 1, 0, 5, 99, 0}), socks.CommandNotSupported},
		{"unknown address type", []byte{5, 1, 0, 5, 1, 0, 2, 1, 2, 3, 4, 0, 80}, socks.AddressTypeNotSupported},
		{"malformed name", proxytest.Request(socks.Addr{Name: "a\nb", Port: 80}), socks.GeneralFailure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, got := proxytest.Ask(t, p.Addr, append(tt.request, "and first data"...))
			if got != tt.want {
				t.Errorf("reply %d, want %d", got, tt.want)
			}
			if err := proxytest.End(client); err != nil {
				t.Error(err)
			}
			if line := p.LogLine(); !strings.Contains(line, client.LocalAddr().String()+": ") {
				t.Errorf("logged %q, want the client's address in it", line)
			}
		})
	}
	proxytest.Quiet(t, p)
}

func TestPassword(t *testing.T) {
	p := start(t, "-user", "ali", "-password", "sesame")
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	for _, tt := range []struct {
		say, want string
	}{
		{"\x05\x01\x00", "\x05\xff"},
		{"\x05\x01\x02" + "\x01\x03ali\x06simsim", "\x05\x02\x01\x01"},
		{"\x05\x01\x02" + "\x01\x03ali\x05sesam", "\x05\x02\x01\x01"},
		{"\x05\x01\x02" + "\x01\x00\x00", "\x05\x02\x01\x01"},
		{"\x05\x02\x00\x02" + "\x01\x03ali\x06sesame", "\x05\x02\x01\x00"},
	} {
		client := proxytest.Dial(t, p.Addr)
		if _, err := io.WriteString(client, tt.say); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(tt.want))
		if _, err := io.ReadFull(client, got); err != nil || string(got) != tt.want {
			t.Fatalf("%q was answered %q, %v, want %q", tt.say, got, err, tt.want)
		}
		if !strings.HasSuffix(tt.want, "\x00") {
			if err := proxytest.End(client); err != nil {
				t.Errorf("%q: %v", tt.say, err)
			}
			p.LogLine()
			continue
		}
		if _, err := client.Write(target.Dest.Append([]byte{5, 1, 0})); err != nil {
			t.Fatal(err)
		}
		reply := make([]byte, 10)
		if _, err := io.ReadFull(client, reply); err != nil || reply[1] != byte(socks.Succeeded) {
			t.Fatalf("reply %q, %v", reply, err)
		}
		proxytest.RoundTrip(t, client, 1000)
	}
	proxytest.Quiet(t, p)
}

// Whatever strangers send, and wherever they vanish, each is one line in the
// log; a connection beside them goes on; and nothing of them remains.
func TestStrangers(t *testing.T) {
	p := start(t, "-debug", "127.0.0.1:0")
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	good := proxytest.Connect(t, p.Addr, target.Dest)
	proxytest.RoundTrip(t, good, 1000)
	sockets := p.Sockets()

	request := proxytest.Request(socks.Addr{Name: "a.name.that.is.never.looked.up", Port: 80})
	random := rand.New(rand.NewPCG(1, 2))
	var strangers [][]byte
	for n := range len(request) - 1 {
		strangers = append(strangers, request[:n])
	}
	for range 20 {
		garbage := make([]byte, random.IntN(1000))
		for i := range garbage {
			garbage[i] = byte(random.Uint32())
		}
		strangers = append(strangers, append([]byte{4}, garbage...))
	}
	strangers = append(strangers,
		[]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		[]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
		append([]byte("\x05\xff"), make([]byte, 200)...),
		append([]byte("\x05\x01\x01"), make([]byte, 1<<20)...),
	)
	for i, say := range strangers {
		client := proxytest.Dial(t, p.Addr)
		if _, err := client.Write(say); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 { // half of them by a reset
			if err := client.SetLinger(0); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if line := p.LogLine(); !strings.Contains(line, client.LocalAddr().String()+": ") {
			t.Errorf("stranger %d: logged %q, want the client's address in it", i, line)
		}
		proxytest.RoundTrip(t, good, 10)
	}

	p.AwaitSockets(sockets) // the line comes before the close
	want := int64(len(strangers))
	v := p.Vars()
	if v.Proxy.Accepted != want+1 || v.Proxy.Refused != want || v.Proxy.Joined != 1 || v.Proxy.Cut != 0 {
		t.Errorf("counters %+v after one good connection and %d strangers", v.Proxy, want)
	}
	proxytest.Quiet(t, p)
}

// A client that vanishes while data flows is one line, and its target is told.
func TestVanishes(t *testing.T) {
	p := start(t)
	target := proxytest.Listen(t, "127.0.0.1:0")
	client := proxytest.Connect(t, p.Addr, target.Dest)
	origin := target.Accept()
	proxytest.Exchange(t, client, origin, 1<<20)
	if err := client.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, origin); n != 0 || err == nil {
		t.Errorf("the target read %d bytes, and no error", n)
	}
	want := fmt.Sprintf("%v -> %v: ", client.LocalAddr(), origin.LocalAddr())
	if line := p.LogLine(); !strings.Contains(line, want) {
		t.Errorf("logged %q, want %q in it", line, want)
	}
	proxytest.Quiet(t, p)
}

// SIGINT ends the program with status 0, whatever its connections are doing.
func TestInterrupt(t *testing.T) {
	p := start(t)
	target := proxytest.Listen(t, "127.0.0.1:0")
	proxytest.Dial(t, p.Addr)
	half := proxytest.Dial(t, p.Addr)
	if _, err := half.Write(proxytest.Request(target.Dest)[:5]); err != nil {
		t.Fatal(err)
	}
	proxytest.Connect(t, p.Addr, target.Dest)
	target.Accept()
	busy := proxytest.Connect(t, p.Addr, target.Dest)
	origin := target.Accept()
	sent := make(chan error, 1)
	go func() { sent <- proxytest.Send(busy, 1, 1<<40) }()
	if err := proxytest.Receive(origin, 1, 1<<20); err != nil {
		t.Fatal(err)
	}
	proxytest.Quiet(t, p)
	if err := <-sent; err == nil {
		t.Error("all was sent through a proxy that is gone")
	}
}

func TestDebug(t *testing.T) {
	p := start(t, "-user", "ali", "-password", "sesame", "-debug", "127.0.0.1:0")
	if v := p.Vars(); v.Goroutines == 0 || v.Proxy.Accepted != 0 {
		t.Errorf("counters %+v", v)
	}
	for path, want := range map[string]string{
		"/debug/vars":                    `"memstats": {`,
		"/debug/pprof/":                  "goroutine",
		"/debug/pprof/goroutine?debug=1": "goroutine profile:",
	} {
		got := p.Get(path)
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("%s shows %.100q, want %q in it", path, got, want)
		}
		if bytes.Contains(got, []byte("sesame")) {
			t.Errorf("%s shows the password", path)
		}
	}
	proxytest.Quiet(t, p)
}

func TestFlags(t *testing.T) {
	taken := proxytest.Listen(t, "127.0.0.1:0").Dest.String()
	proxytest.Refuses(t, [][]string{
		{"-listen", taken},
		{"-listen", "127.0.0.1:0", "-debug", taken},
		{"-listen", "nonsense"},
		{"-user", "ali"},
		{"-password", "sesame"},
		{"-idle", "0"},
		{"1080"},
	}...)
	proxytest.ShowsUsage(t, []string{"-nonsense"})
}

func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed: no client of somebody else's to test with")
	}
	for name, through := range map[string][]string{
		"SOCKS": {"--socks5-hostname"},
		"HTTP":  {"--proxytunnel", "--proxy"},
	} {
		t.Run(name, func(t *testing.T) { testCurl(t, curl, through) })
	}
}

// testCurl has curl fetch a page, with the proxy's address behind through.
func testCurl(t *testing.T, curl string, through []string) {
	p := start(t, "-user", "ali", "-password", "sesame")
	web := proxytest.Listen(t, "127.0.0.1:0")
	args := append([]string{"--silent", "--show-error", "--noproxy", "", "--proxy-user", "ali:sesame"}, through...)
	cmd := exec.CommandContext(t.Context(), curl, append(args, p.Addr, fmt.Sprintf("http://localhost:%d/", web.Dest.Port))...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := web.Accept()
	if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
		t.Error(err)
	}
	if _, err := io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\nthrough the proxy"); err != nil {
		t.Error(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil || out.String() != "through the proxy" {
		t.Errorf("%v: %v, printed %q", cmd, err, out.String())
	}
	proxytest.Quiet(t, p)
}

// TestBothLegsAreProbed asks the kernel's own tool for the keep-alive timers of
// what the program has accepted and what it has dialed.
func TestBothLegsAreProbed(t *testing.T) {
	ss, err := exec.LookPath("ss")
	if err != nil {
		t.Skip("iproute2 is not installed: nothing shows the timers of another process's sockets")
	}
	p := start(t)
	target := proxytest.Listen(t, "127.0.0.1:0")
	app := proxytest.Connect(t, p.Addr, target.Dest)
	origin := target.Accept()
	proxytest.Exchange(t, app, origin, 100)
	_, port, err := net.SplitHostPort(p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	for leg, filter := range map[string]string{
		"accepted": "sport = :" + port,
		"dialed":   fmt.Sprintf("dport = :%d", target.Dest.Port),
	} {
		// As long as bytes are without an acknowledgement there is another timer.
		await.Until(t, "there is a keep-alive timer on the "+leg+" leg", func() bool {
			out, err := exec.Command(ss, "-tnoH", "state", "established", filter).Output()
			if err != nil {
				t.Fatalf("ss: %v", err)
			}
			return bytes.Contains(out, []byte("timer:(keepalive,"))
		})
	}
	proxytest.Quiet(t, p)
}

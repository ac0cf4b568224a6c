package proxytest

import (
	"net"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/socks"
)

// EndInTurn ends first's stream, and then second's, which goes on for a while:
// between them is what is to carry each end through by itself.
func EndInTurn(t testing.TB, first, second *net.TCPConn) {
	t.Helper()
	const after = 1 << 20
	if err := first.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := End(second); err != nil {
		t.Fatal(err)
	}
	if err := Send(second, 3, after); err != nil {
		t.Fatal(err)
	}
	if err := second.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := Receive(first, 3, after); err != nil {
		t.Fatal(err)
	}
	if err := End(first); err != nil {
		t.Fatal(err)
	}
}

// Streams moves n bytes each way at once through the SOCKS5 proxy at addr, and
// has each side be the one that ends its stream first.
func Streams(t testing.TB, addr string, n int64) {
	t.Helper()
	for _, endsFirst := range []string{"application", "target"} {
		target := Listen(t, "127.0.0.1:0")
		near := Connect(t, addr, target.Dest)
		far := target.Accept()
		Exchange(t, near, far, n)
		if endsFirst == "target" {
			near, far = far, near
		}
		EndInTurn(t, near, far)
	}
}

// TargetFirst has a target speak before the application has said anything, and
// end its stream first.
func TargetFirst(t testing.TB, addr string) {
	t.Helper()
	target := Listen(t, "127.0.0.1:0")
	app := Connect(t, addr, target.Dest)
	origin := target.Accept()
	if err := Send(origin, 1, 100); err != nil {
		t.Fatal(err)
	}
	if err := Receive(app, 1, 100); err != nil {
		t.Fatal(err)
	}
	Exchange(t, app, origin, 1000)
	if err := origin.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	Finish(t, app)
	if err := End(origin); err != nil { // before the programs are stopped
		t.Fatal(err)
	}
}

// NothingToSay has an application end its stream before it has said anything,
// which gets to the target all the same.
func NothingToSay(t testing.TB, addr string) {
	t.Helper()
	target := Listen(t, "127.0.0.1:0")
	app := Dial(t, addr)
	if _, err := app.Write(Request(target.Dest)); err != nil {
		t.Fatal(err)
	}
	if err := app.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	Finish(t, target.Accept())
	if reply, err := ReadReply(app); err != nil || reply != socks.Succeeded {
		t.Errorf("reply %d, %v", reply, err)
	}
	if err := End(app); err != nil { // before the programs are stopped
		t.Error(err)
	}
}

// Speak connects an application to a target through the SOCKS5 proxy at addr, and
// has it say something: some proxies dial only then.
func Speak(t testing.TB, addr string) (app, origin *net.TCPConn) {
	t.Helper()
	target := Listen(t, "127.0.0.1:0")
	app = Connect(t, addr, target.Dest)
	if err := Send(app, 9, 10); err != nil {
		t.Fatal(err)
	}
	origin = target.Accept()
	if err := Receive(origin, 9, 10); err != nil {
		t.Fatal(err)
	}
	return app, origin
}

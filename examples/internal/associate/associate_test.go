package associate_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/examples/internal/associate"
	"github.com/headrace-go/headrace/examples/internal/names"
	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/vecio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start returns an association that sends back what the client says.
func start(t *testing.T, claimed socks.Addr) (a *associate.Conn, client net.Conn) {
	t.Helper()
	ln := proxytest.Listen(t, "127.0.0.1:0")
	client = proxytest.Dial(t, ln.Dest.String())
	echo := proxytest.EchoUDP(t, "127.0.0.1:0")
	a, err := associate.Start(ln.Accept(), claimed, vecio.FlowTableConfig{
		Open: names.OpenAny,
		Up: func(_, datagram []byte, _ netip.AddrPort) ([]byte, netip.AddrPort, error) {
			return datagram, netip.AddrPortFrom(echo.IP, echo.Port), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a, client
}

func send(t *testing.T, c *net.UDPConn, a *associate.Conn, b string) {
	t.Helper()
	if _, err := c.WriteTo([]byte(b), a.Socket()); err != nil {
		t.Fatal(err)
	}
}

// Only the client's address may use it, and only the port that it has named.
func TestOnlyTheClient(t *testing.T) {
	good := proxytest.ListenUDP(t, "127.0.0.1:0")
	for _, named := range []bool{false, true} {
		var claimed socks.Addr
		strangers := []*net.UDPConn{proxytest.ListenUDP(t, "127.0.0.2:0")}
		if named {
			claimed = proxytest.DestOf(good)
			strangers = append(strangers, proxytest.ListenUDP(t, "127.0.0.1:0"))
		}
		a, _ := start(t, claimed)
		for _, c := range strangers {
			send(t, c, a, "stranger")
		}
		await.Until(t, "the strangers are refused", func() bool {
			return a.Table().Stats().Refused == int64(len(strangers))
		})
		send(t, good, a, "client")
		if b, _ := proxytest.ReceiveFrom(t, good); string(b) != "client" {
			t.Errorf("%q came back", b)
		}
		if s := a.Table().Stats(); s.Opened != 1 {
			t.Errorf("named %v: %+v", named, s)
		}
	}
}

// It has nothing to say before its end, and then says so, once.
func TestEnd(t *testing.T) {
	a, _ := start(t, socks.Addr{})
	if n, err := a.Step(io.Discard, 1); n != 0 || err != nil {
		t.Errorf("Step = %d, %v", n, err)
	}
	if n, err := a.Write([]byte("more")); n != 4 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	woken := make(chan struct{}, 2)
	wake := func() { woken <- struct{}{} }
	a.Ready(nil, wake)() // taken back
	cancel := a.Ready(nil, wake)
	defer cancel()
	if err := a.CloseWrite(); err != nil {
		t.Error(err)
	}
	<-woken
	if n, err := a.Step(io.Discard, 1); n != 0 || err != io.EOF {
		t.Errorf("Step = %d, %v, want the end", n, err)
	}
	if n, err := a.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read = %d, %v, want the end", n, err)
	}
	a.Ready(nil, wake)
	<-woken // late is not lost
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := a.Table().Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the table is open: %v", err)
	}
}

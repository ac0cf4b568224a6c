package vecio_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/vecio"
)

// tableModes are the ways in which a table may move datagrams and wait.
var tableModes = []struct {
	name   string
	parked bool
	cfg    vecio.BatchConfig
}{
	{"parked", true, vecio.BatchConfig{}},
	{"goroutines", false, vecio.BatchConfig{}},
	{"mmsg", true, vecio.BatchConfig{NoGSO: true, NoGRO: true}},
	{"portable", true, vecio.PortableBatch(vecio.BatchConfig{})},
}

// addressed is a protocol as proxies have them: a datagram of a client begins
// with the address that it is for, one to it with the address that it is from,
// and both end with a mark.
const (
	addressLen = 6
	mark       = 0x5a
)

var errUnmarked = errors.New("no mark")

func appendAddress(dst []byte, a netip.AddrPort) []byte {
	ip := a.Addr().As4()
	return binary.BigEndian.AppendUint16(append(dst, ip[:]...), a.Port())
}

func wrapped(a netip.AddrPort, payload []byte) []byte {
	return append(append(appendAddress(nil, a), payload...), mark)
}

func unwrap(b []byte) ([]byte, netip.AddrPort, error) {
	if len(b) < addressLen+1 || b[len(b)-1] != mark {
		return nil, netip.AddrPort{}, errUnmarked
	}
	a := netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[4:]))
	return b[addressLen : len(b)-1], a, nil
}

// openAny makes sockets for any IPv4 target on loopback.
func openAny(netip.AddrPort) (*net.UDPConn, error) {
	return net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
}

func addressedConfig() vecio.FlowTableConfig {
	return vecio.FlowTableConfig{
		Open: openAny,
		Up: func(_, datagram []byte, _ netip.AddrPort) ([]byte, netip.AddrPort, error) {
			return unwrap(datagram)
		},
		Down: func(dst, payload []byte, source netip.AddrPort) ([]byte, error) {
			return append(append(appendAddress(dst, source), payload...), mark), nil
		},
		DownGrowth: addressLen + 1,
	}
}

func newTable(t testing.TB, batch vecio.BatchConfig, cfg vecio.FlowTableConfig) (*vecio.FlowTable, netip.AddrPort) {
	t.Helper()
	c := listenUDP(t, "udp4", "127.0.0.1:0")
	c.SetReadBuffer(4 << 20)
	cfg.Target = batch
	table, err := vecio.NewFlowTable(batchConn(t, c, batch), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("Close: %v", err)
		}
	})
	return table, addrOf(c, "127.0.0.1")
}

// echoUDP sends back what it gets, until the test ends.
func echoUDP(t testing.TB) netip.AddrPort {
	t.Helper()
	c := listenUDP(t, "udp4", "127.0.0.1:0")
	c.SetReadBuffer(4 << 20)
	conn := batchConn(t, c, vecio.BatchConfig{})
	ended := make(chan struct{})
	r := vecio.Receive(conn, vecio.ReceiverConfig{
		Handle: func(ms []vecio.Datagram) {
			conn.WriteBatch(ms)
		},
		Ended: func(error) { close(ended) },
	})
	t.Cleanup(func() {
		r.Close()
		<-ended
	})
	return addrOf(c, "127.0.0.1")
}

func mustRead(t testing.TB, c *net.UDPConn) []byte {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 1<<16)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func mustWrite(t testing.TB, c *net.UDPConn, to netip.AddrPort, b []byte) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort(b, to); err != nil {
		t.Fatal(err)
	}
}

// awaitStats returns when the table's counters are as f wants them.
func awaitStats(t testing.TB, table *vecio.FlowTable, f func(vecio.FlowTableStats) bool) vecio.FlowTableStats {
	t.Helper()
	var s vecio.FlowTableStats
	await.Until(t, "the table's counters are as wanted", func() bool {
		s = table.Stats()
		return f(s)
	})
	return s
}

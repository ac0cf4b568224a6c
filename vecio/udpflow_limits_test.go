package vecio_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/headrace-go/headrace/internal/liveheap"
	"github.com/headrace-go/headrace/vecio"
)

// A hundred thousand clients, spoofed or not, take what the table is allowed
// and nothing more, and leave nothing; those who are answered stay.
func TestFlowTableFlood(t *testing.T) {
	const limit = 64
	clients := 100_000
	if raceEnabled || testing.Short() {
		clients = 5_000
	}
	before := descriptors(t)
	cfg := addressedConfig()
	p := newParker(t)
	cfg.Parker = p
	cfg.MaxFlows = limit
	var open, most atomic.Int64
	cfg.Open = func(netip.AddrPort) (*net.UDPConn, error) {
		if now := open.Add(1); now > most.Load() {
			most.Store(now)
		}
		return openAny(netip.AddrPort{})
	}
	table, at := newTable(t, vecio.BatchConfig{}, cfg)
	target := echoUDP(t)
	good := listenUDP(t, "udp4", "127.0.0.1:0")
	goroutines := runtime.NumGoroutine()
	for i := range clients {
		if i%1000 == 0 { // one who is answered, among them
			mustWrite(t, good, at, wrapped(target, numbered(i, 50)))
			if got, _, err := unwrap(mustRead(t, good)); err != nil || !bytes.Equal(got, numbered(i, 50)) {
				t.Fatal(err)
			}
		}
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, byte(1+i>>16), byte(i>>8), byte(i))})
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Skipf("the loopback interface has one address, and this takes %d clients: %v", clients, err)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.WriteToUDPAddrPort(wrapped(netip.MustParseAddrPort("127.0.0.1:9"), nil), at)
		c.Close()
		if err != nil {
			t.Fatal(err)
		}
		if i%64 == 63 { // no more than the socket's buffer holds
			awaitStats(t, table, func(s vecio.FlowTableStats) bool {
				return s.Up.Datagrams+s.Up.Dropped >= int64(i+1)+int64(i/1000+1)
			})
		}
	}
	want := int64(clients + (clients+999)/1000)
	s := awaitStats(t, table, func(s vecio.FlowTableStats) bool { return s.Up.Datagrams+s.Up.Dropped == want })
	if s.Opened != int64(clients)+1 || s.Flows != limit || s.Evicted != s.Opened-limit || s.Up.Datagrams != want || s.OpenFailed != 0 {
		t.Errorf("%+v, want %d flows opened, %d left", s, clients+1, limit)
	}
	if n := p.Stats().Watched; n > limit+2 {
		t.Errorf("%d sockets are watched", n)
	}
	if n := runtime.NumGoroutine(); n > goroutines+limit+2 {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	table.Close()
	good.Close()
	if n := p.Stats().Watched; n != 0 {
		t.Errorf("%d sockets are watched after the end", n)
	}
	if after := descriptors(t); after > before+4 { // the echo's, the test's
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// descriptors counts those that are open, where that is possible.
func descriptors(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Logf("descriptors are not counted: %v", err)
	}
	return len(entries)
}

// A client that gets no socket is counted, and gets one later.
func TestFlowTableOpenFails(t *testing.T) {
	cfg := addressedConfig()
	cfg.Parker = newParker(t)
	var failing atomic.Bool
	failing.Store(true)
	cfg.Open = func(netip.AddrPort) (*net.UDPConn, error) {
		if failing.Load() {
			return nil, errors.New("no more sockets")
		}
		return openAny(netip.AddrPort{})
	}
	table, at := newTable(t, vecio.BatchConfig{}, cfg)
	target := echoUDP(t)
	c := listenUDP(t, "udp4", "127.0.0.1:0")
	for i := range int64(3) {
		mustWrite(t, c, at, wrapped(target, []byte("x")))
		awaitStats(t, table, func(s vecio.FlowTableStats) bool { return s.OpenFailed == i+1 })
	}
	failing.Store(false)
	mustWrite(t, c, at, wrapped(target, []byte("x")))
	mustRead(t, c)
}

// An idle flow keeps a socket and little else: no buffer, no goroutine, no timer.
func TestFlowTableIdleFlowsAreSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's own memory is on the heap")
	}
	const flows = 500
	p := newParker(t)
	cfg := addressedConfig()
	cfg.Parker = p
	table, at := newTable(t, vecio.BatchConfig{}, cfg)
	var clients []*net.UDPConn
	for range flows {
		clients = append(clients, listenUDP(t, "udp4", "127.0.0.1:0"))
	}
	goroutines := runtime.NumGoroutine()
	before := liveheap.Bytes()
	for i, c := range clients {
		mustWrite(t, c, at, wrapped(netip.MustParseAddrPort("127.0.0.1:9"), nil))
		awaitStats(t, table, func(s vecio.FlowTableStats) bool { return s.Up.Datagrams == int64(i+1) })
	}
	grown := liveheap.Bytes() - before
	if n := p.Stats().Watched; n < flows {
		t.Errorf("%d of %d flows are parked", n, flows)
	}
	if n := runtime.NumGoroutine() - goroutines; n > 2 {
		t.Errorf("%d goroutines for %d idle flows", n, flows)
	}
	if per := grown / flows; per > 2048 {
		t.Errorf("%d bytes for each idle flow, want at most 2048", per)
	} else {
		t.Logf("%d bytes for each idle flow", per)
	}
	runtime.KeepAlive(clients)
}

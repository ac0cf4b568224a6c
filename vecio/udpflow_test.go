package vecio_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/headrace-go/headrace/vecio"
)

// Each client gets back what was sent to it, from whichever target, and nothing
// else; two targets see one source for one client.
func TestFlowTable(t *testing.T) {
	for _, mode := range tableModes {
		t.Run(mode.name, func(t *testing.T) {
			cfg := addressedConfig()
			if mode.parked {
				cfg.Parker = newParker(t)
			}
			table, at := newTable(t, mode.cfg, cfg)
			targets := []netip.AddrPort{echoUDP(t), echoUDP(t)}
			var clients []*net.UDPConn
			for range 5 {
				clients = append(clients, listenUDP(t, "udp4", "127.0.0.1:0"))
			}
			for round := range 20 {
				for i, c := range clients {
					payload := numbered(round*10+i, 10+100*i)
					to := targets[(round+i)%2]
					mustWrite(t, c, at, wrapped(to, payload))
					got, from, err := unwrap(mustRead(t, c))
					if err != nil || from != to || !bytes.Equal(got, payload) {
						t.Fatalf("round %d, client %d: %d bytes from %v, %v; want %d from %v", round, i, len(got), from, err, len(payload), to)
					}
				}
			}
			s := awaitStats(t, table, func(s vecio.FlowTableStats) bool { return s.Up.Datagrams == 100 && s.Down.Datagrams == 100 })
			if s.Flows != 5 || s.Opened != 5 || s.Up.Datagrams != 100 || s.Up.Bytes != s.Down.Bytes-100*(addressLen+1) {
				t.Errorf("%+v", s)
			}
		})
	}
}

// Batches go through whole, in order, and in few system calls.
func TestFlowTableBatches(t *testing.T) {
	for _, mode := range tableModes {
		t.Run(mode.name, func(t *testing.T) {
			cfg := addressedConfig()
			cfg.Parker = newParker(t)
			table, at := newTable(t, mode.cfg, cfg)
			target := echoUDP(t)
			c := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
			for round := range 10 {
				var ms []vecio.Datagram
				for i := range 40 {
					ms = append(ms, vecio.Datagram{Data: wrapped(target, numbered(100*round+i, 1200)), Addr: at})
				}
				ms = append(ms, vecio.Datagram{Data: wrapped(target, numbered(40, 5)), Addr: at})
				if sent, err := c.WriteBatch(ms); sent != len(ms) || err != nil {
					t.Fatal(sent, err)
				}
				for i, d := range readDatagrams(t, c, len(ms)) {
					want, _, _ := unwrap(ms[i].Data)
					if got, from, err := unwrap(d.Data); err != nil || from != target || !bytes.Equal(got, want) {
						t.Fatalf("round %d: datagram %d: %d bytes from %v, %v", round, i, len(got), from, err)
					}
				}
			}
			s := table.Conn().Stats()
			if s.GSO && s.GRO && (s.Reads > 10*4 || s.Writes > 10*4) {
				t.Errorf("10 batches of 41 took %d reads and %d writes", s.Reads, s.Writes)
			}
		})
	}
}

// The largest datagrams go through; what grows beyond is dropped, and counted.
func TestFlowTableSizes(t *testing.T) {
	for _, mode := range tableModes {
		cfg := addressedConfig()
		cfg.Parker = newParker(t)
		table, at := newTable(t, mode.cfg, cfg)
		target := echoUDP(t)
		c := listenUDP(t, "udp4", "127.0.0.1:0")
		for _, n := range []int{0, 1, 9000, vecio.MaxDatagram - addressLen - 1} {
			mustWrite(t, c, at, wrapped(target, numbered(1, n)))
			if got, _, err := unwrap(mustRead(t, c)); err != nil || !bytes.Equal(got, numbered(1, n)) {
				t.Fatalf("%s: %d bytes came back as %d, %v", mode.name, n, len(got), err)
			}
		}
		other := listenUDP(t, "udp4", "127.0.0.1:0") // to answer by itself
		mustWrite(t, c, at, wrapped(addrOf(other, "127.0.0.1"), []byte("x")))
		b := make([]byte, 10)
		_, flow, err := other.ReadFromUDPAddrPort(b)
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, other, flow, make([]byte, vecio.MaxDatagram)) // grows too long
		mustWrite(t, other, flow, []byte("y"))
		if got, _, err := unwrap(mustRead(t, c)); err != nil || string(got) != "y" {
			t.Errorf("%s: behind one that is too long: %q, %v", mode.name, got, err)
		}
		awaitStats(t, table, func(s vecio.FlowTableStats) bool { return s.Down.Dropped == 1 && s.Down.Datagrams == 5 })
	}
}

// Strangers make no flow and get no answer.
func TestFlowTableRefuses(t *testing.T) {
	cfg := addressedConfig()
	cfg.Parker = newParker(t)
	table, at := newTable(t, vecio.BatchConfig{}, cfg)
	c := listenUDP(t, "udp4", "127.0.0.1:0")
	for i := range 1000 {
		mustWrite(t, c, at, numbered(i, i)) // the mark is a matter of luck: one in 256
		if i%50 == 0 {
			awaitStats(t, table, func(s vecio.FlowTableStats) bool { return s.Refused+s.Up.Datagrams+s.Up.Dropped >= int64(i+1) })
		}
	}
	s := awaitStats(t, table, func(s vecio.FlowTableStats) bool { return s.Refused+s.Up.Datagrams+s.Up.Dropped == 1000 })
	if s.Refused < 950 || s.Flows > 1 {
		t.Errorf("%+v", s)
	}
}

// A protocol that cannot tell at once where to sends later, on the same flow.
func TestFlowTableSend(t *testing.T) {
	cfg := addressedConfig()
	cfg.Parker = newParker(t)
	var table *vecio.FlowTable
	ready := make(chan struct{})
	later := make(chan func(), 10)
	up := cfg.Up
	cfg.Up = func(dst, b []byte, from netip.AddrPort) ([]byte, netip.AddrPort, error) {
		payload, to, err := up(dst, b, from)
		kept := bytes.Clone(payload)
		later <- func() {
			<-ready
			if err := table.Send(from, to, kept); err != nil {
				t.Error(err)
			}
		}
		return nil, to, err
	}
	table, at := newTable(t, vecio.BatchConfig{}, cfg)
	close(ready)
	target := echoUDP(t)
	c := listenUDP(t, "udp4", "127.0.0.1:0")
	for i := range 3 {
		mustWrite(t, c, at, wrapped(target, numbered(i, 100)))
		(<-later)()
		if got, _, err := unwrap(mustRead(t, c)); err != nil || !bytes.Equal(got, numbered(i, 100)) {
			t.Fatal(err)
		}
	}
	if s := table.Stats(); s.Opened != 1 || s.Refused != 0 {
		t.Errorf("%+v", s)
	}
	table.Close()
	if err := table.Send(addrOf(c, "127.0.0.1"), target, []byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
}

// A flow ends when nothing has moved for IdleTimeout, and its socket with it.
func TestFlowTableExpires(t *testing.T) {
	cfg := addressedConfig()
	p := newParker(t)
	cfg.Parker = p
	cfg.IdleTimeout = 10 * time.Millisecond
	table, at := newTable(t, vecio.BatchConfig{}, cfg)
	target := echoUDP(t)
	c := listenUDP(t, "udp4", "127.0.0.1:0")
	for i := range int64(5) {
		// Whether the answer still finds the flow is a matter of luck.
		mustWrite(t, c, at, wrapped(target, []byte("x")))
		awaitStats(t, table, func(s vecio.FlowTableStats) bool {
			return s.Up.Datagrams+s.Up.Dropped == i+1 && s.Opened == i+1 && s.Expired == i+1 && s.Flows == 0
		})
	}
	table.Close()
	if n := p.Stats().Watched; n != 0 {
		t.Errorf("%d sockets are watched after the end", n)
	}
}

// A target that is not there ends nothing.
func TestFlowTableConnected(t *testing.T) {
	gone := listenUDP(t, "udp4", "127.0.0.1:0")
	target := addrOf(gone, "127.0.0.1")
	gone.Close()
	cfg := vecio.FlowTableConfig{Parker: newParker(t), Open: func(netip.AddrPort) (*net.UDPConn, error) {
		return net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(target))
	}}
	table, at := newTable(t, vecio.BatchConfig{}, cfg)
	c := listenUDP(t, "udp4", "127.0.0.1:0")
	for i := range int64(10) {
		mustWrite(t, c, at, []byte("into the void"))
		awaitStats(t, table, func(s vecio.FlowTableStats) bool { return s.Up.Datagrams+s.Up.Dropped == i+1 })
	}
	back, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(target))
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	mustWrite(t, c, at, []byte("hello"))
	b := make([]byte, 10)
	n, flow, err := back.ReadFromUDPAddrPort(b)
	if err != nil || string(b[:n]) != "hello" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	mustWrite(t, back, flow, []byte("hello yourself"))
	if got := mustRead(t, c); string(got) != "hello yourself" {
		t.Errorf("%q", got)
	}
	if s := table.Stats(); s.Opened != 1 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

// Close ends a table that is busy, and returns when nothing of it runs.
func TestFlowTableCloseWhileBusy(t *testing.T) {
	for _, mode := range tableModes {
		t.Run(mode.name, func(t *testing.T) {
			cfg := addressedConfig()
			cfg.Parker = newParker(t)
			table, at := newTable(t, mode.cfg, cfg)
			target := echoUDP(t)
			stop := make(chan struct{})
			ended := make(chan struct{})
			c := listenUDP(t, "udp4", "127.0.0.1:0")
			go func() {
				defer close(ended)
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
						c.WriteToUDPAddrPort(wrapped(target, numbered(i, 500)), at)
					}
				}
			}()
			awaitStats(t, table, func(s vecio.FlowTableStats) bool { return s.Down.Datagrams > 100 })
			if err := table.Close(); err != nil {
				t.Error(err)
			}
			<-table.Done()
			close(stop)
			<-ended
			if s := table.Stats(); s.Flows != 0 {
				t.Errorf("%+v after Close", s)
			}
		})
	}
}

// Somebody else closes the clients' socket: the table says so.
func TestFlowTableLosesItsSocket(t *testing.T) {
	cfg := addressedConfig() // without a Parker it is noticed at once
	table, _ := newTable(t, vecio.BatchConfig{}, cfg)
	table.Conn().Close()
	<-table.Done()
	if err := table.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Close: %v, want what ended the socket", err)
	}
}

func TestFlowTableConfig(t *testing.T) {
	c := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
	for _, cfg := range []vecio.FlowTableConfig{
		{},
		{Open: openAny, MaxFlows: -1},
		{Open: openAny, UpGrowth: -1},
		{Open: openAny, DownGrowth: 1 << 20},
	} {
		if table, err := vecio.NewFlowTable(c, cfg); err == nil {
			table.Close()
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

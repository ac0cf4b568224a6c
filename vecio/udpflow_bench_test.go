package vecio_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/vecio"
)

// BenchmarkFlowTable sends 32 datagrams of 1200 bytes there and back through a
// relay, by a client and a target that use batches. std is the relay that is
// written by hand: a goroutine for each flow, one datagram at a time.
func BenchmarkFlowTable(b *testing.B) {
	const window, size = 32, 1200
	for _, impl := range []string{"headrace", "std"} {
		b.Run("impl="+impl, func(b *testing.B) {
			target := echoUDP(b)
			c := listenUDP(b, "udp4", "127.0.0.1:0")
			c.SetReadBuffer(4 << 20)
			open := func(netip.AddrPort) (*net.UDPConn, error) {
				return net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(target))
			}
			if impl == "std" {
				b.Cleanup(forwardStd(b, c, open))
			} else {
				p := newParker(b)
				table, err := vecio.NewFlowTable(batchConn(b, c, vecio.BatchConfig{}), vecio.FlowTableConfig{Parker: p, Open: open})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { table.Close() })
			}
			client := batchConn(b, listenUDP(b, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
			client.Conn().SetReadBuffer(4 << 20)
			out, in := batchBuffers(window, size, addrOf(c, "127.0.0.1"))
			benchDatagrams(b, window, size, func() {
				if _, err := client.WriteBatch(out); err != nil {
					b.Fatal(err)
				}
				for got := 0; got < window; {
					n, err := client.ReadBatch(in)
					if err != nil {
						b.Fatal(err)
					}
					for i := range in[:n] {
						got += in[i].Count()
					}
				}
			})
		})
	}
}

// forwardStd relays between the clients of c and sockets that open makes, until
// stop.
func forwardStd(b *testing.B, c *net.UDPConn, open func(netip.AddrPort) (*net.UDPConn, error)) (stop func()) {
	var running sync.WaitGroup
	flows := make(map[netip.AddrPort]*net.UDPConn)
	running.Go(func() {
		buf := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				for _, flow := range flows {
					flow.Close()
				}
				return
			}
			flow := flows[from]
			if flow == nil {
				if flow, err = open(from); err != nil {
					b.Error(err)
					return
				}
				flows[from] = flow
				running.Go(func() {
					buf := make([]byte, 1<<16)
					for {
						n, err := flow.Read(buf)
						if err != nil {
							return
						}
						c.WriteToUDPAddrPort(buf[:n], from)
					}
				})
			}
			flow.Write(buf[:n])
		}
	})
	return func() {
		c.Close()
		running.Wait()
	}
}

package vecio_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/headrace-go/headrace/vecio"
)

// BenchmarkBatch moves datagrams of 1200 bytes over loopback, 64 at a time:
// one goroutine sends them and then reads them, so that none is lost and
// nobody waits. std is a loop of WriteToUDPAddrPort and ReadMsgUDPAddrPort.
// What counts is cpu-ns/datagram, both ways together.
func BenchmarkBatch(b *testing.B) {
	const window = 64
	for _, size := range []int{64, 1200} {
		b.Run(fmt.Sprintf("impl=std/size=%d", size), func(b *testing.B) {
			from, to := listenUDP(b, "udp4", "127.0.0.1:0"), listenUDP(b, "udp4", "127.0.0.1:0")
			dest := addrOf(to, "127.0.0.1")
			out, in := make([]byte, size), make([]byte, 1<<16)
			benchDatagrams(b, window, size, func() {
				for range window {
					if _, err := from.WriteToUDPAddrPort(out, dest); err != nil {
						b.Fatal(err)
					}
				}
				for range window {
					if _, _, _, _, err := to.ReadMsgUDPAddrPort(in, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
		for _, mode := range batchModes {
			b.Run(fmt.Sprintf("impl=%s/size=%d", mode.name, size), func(b *testing.B) {
				from := batchConn(b, listenUDP(b, "udp4", "127.0.0.1:0"), mode.cfg)
				to := batchConn(b, listenUDP(b, "udp4", "127.0.0.1:0"), mode.cfg)
				dest := addrOf(to.Conn(), "127.0.0.1")
				out, in := batchBuffers(window, size, dest)
				benchDatagrams(b, window, size, func() {
					if sent, err := from.WriteBatch(out); sent != window || err != nil {
						b.Fatal(sent, err)
					}
					for got := 0; got < window; {
						n, err := to.ReadBatch(in)
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
}

// batchBuffers returns n datagrams to send, and what to read them into.
func batchBuffers(n, size int, to netip.AddrPort) (out, in []vecio.Datagram) {
	slab := make([]byte, n*size)
	for i := range n {
		out = append(out, vecio.Datagram{Data: slab[i*size : (i+1)*size], Addr: to})
	}
	in = make([]vecio.Datagram, 16)
	for i := range in {
		in[i].Buf = make([]byte, 1<<16)
	}
	return out, in
}

func benchDatagrams(b *testing.B, window, size int, round func()) {
	b.SetBytes(int64(window * size))
	b.ReportAllocs()
	cpu := cpuTime()
	for b.Loop() {
		round()
	}
	b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N*window), "cpu-ns/datagram")
}

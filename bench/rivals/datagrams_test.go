//go:build unix

package rivals

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/ipv4"

	"github.com/headrace-go/headrace/vecio"
)

// datagramWindow is how many datagrams are sent before they are read.
const datagramWindow = 64

// A datagramMover sends its datagrams and reads as many: rounds of
// datagramWindow between two sockets on loopback.
type datagramMover struct {
	name string
	make func(tb testing.TB, from, to *net.UDPConn, out [][]byte) (send func() error, receive func(each func(b []byte)) error)
}

var datagramMovers = []datagramMover{
	{"headrace", batchMover(vecio.BatchConfig{})},
	{"headrace-nogro", batchMover(vecio.BatchConfig{NoGRO: true})},
	{"headrace-nogso", batchMover(vecio.BatchConfig{NoGSO: true})},
	{"headrace-mmsg", batchMover(vecio.BatchConfig{NoGSO: true, NoGRO: true})},
	{"std", stdMover},
	{"xnet", xnetMover},
}

func batchMover(cfg vecio.BatchConfig) func(testing.TB, *net.UDPConn, *net.UDPConn, [][]byte) (func() error, func(func([]byte)) error) {
	return func(tb testing.TB, from, to *net.UDPConn, out [][]byte) (func() error, func(func([]byte)) error) {
		sender, err := vecio.NewBatchConn(from, cfg)
		if err != nil {
			tb.Fatal(err)
		}
		receiver, err := vecio.NewBatchConn(to, cfg)
		if err != nil {
			tb.Fatal(err)
		}
		dest := to.LocalAddr().(*net.UDPAddr).AddrPort()
		var ms []vecio.Datagram
		for _, b := range out {
			ms = append(ms, vecio.Datagram{Data: b, Addr: dest})
		}
		in := make([]vecio.Datagram, datagramWindow)
		for i := range in {
			in[i].Buf = make([]byte, 1<<16)
		}
		send := func() error {
			_, err := sender.WriteBatch(ms)
			return err
		}
		receive := func(each func([]byte)) error {
			for got := 0; got < datagramWindow; {
				n, err := receiver.ReadBatch(in)
				if err != nil {
					return err
				}
				for i := range in[:n] {
					in[i].Split(func(b []byte) {
						each(b)
						got++
					})
				}
			}
			return nil
		}
		return send, receive
	}
}

// stdMover is the loop that most programs have.
func stdMover(_ testing.TB, from, to *net.UDPConn, out [][]byte) (func() error, func(func([]byte)) error) {
	dest := to.LocalAddr().(*net.UDPAddr).AddrPort()
	buffer := make([]byte, 1<<16)
	send := func() error {
		for _, b := range out {
			if _, err := from.WriteToUDPAddrPort(b, dest); err != nil {
				return err
			}
		}
		return nil
	}
	receive := func(each func([]byte)) error {
		for range datagramWindow {
			n, _, _, _, err := to.ReadMsgUDPAddrPort(buffer, nil)
			if err != nil {
				return err
			}
			each(buffer[:n])
		}
		return nil
	}
	return send, receive
}

// xnetMover is recvmmsg and sendmmsg as golang.org/x/net has them.
func xnetMover(_ testing.TB, from, to *net.UDPConn, out [][]byte) (func() error, func(func([]byte)) error) {
	sender, receiver := ipv4.NewPacketConn(from), ipv4.NewPacketConn(to)
	ms := make([]ipv4.Message, len(out))
	for i, b := range out {
		ms[i] = ipv4.Message{Buffers: [][]byte{b}, Addr: to.LocalAddr()}
	}
	in := make([]ipv4.Message, datagramWindow)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, 1<<16)}
	}
	send := func() error {
		for sent := 0; sent < len(ms); {
			n, err := sender.WriteBatch(ms[sent:], 0)
			if err != nil {
				return err
			}
			sent += n
		}
		return nil
	}
	receive := func(each func([]byte)) error {
		for got := 0; got < datagramWindow; {
			n, err := receiver.ReadBatch(in, 0)
			if err != nil {
				return err
			}
			for _, m := range in[:n] {
				each(m.Buffers[0][:m.N])
			}
			got += n
		}
		return nil
	}
	return send, receive
}

func loopbackUDP(tb testing.TB) *net.UDPConn {
	tb.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

func datagramsOf(size int) [][]byte {
	out := make([][]byte, datagramWindow)
	for i := range out {
		out[i] = make([]byte, size)
		binary.BigEndian.PutUint32(out[i], uint32(i))
	}
	return out
}

func TestDatagrams(t *testing.T) {
	for _, m := range datagramMovers {
		t.Run(m.name, func(t *testing.T) {
			out := datagramsOf(1200)
			send, receive := m.make(t, loopbackUDP(t), loopbackUDP(t), out)
			for range 3 {
				if err := send(); err != nil {
					t.Fatal(err)
				}
				i := 0
				err := receive(func(b []byte) {
					if i >= len(out) || !bytes.Equal(b, out[i]) {
						t.Fatalf("datagram %d is another, of %d bytes", i, len(b))
					}
					i++
				})
				if err != nil || i != len(out) {
					t.Fatalf("%d datagrams, %v", i, err)
				}
			}
		})
	}
}

// BenchmarkDatagrams sends 64 datagrams and reads them, in one goroutine: so
// none is lost, and nobody waits. The processor time is that of both ends.
func BenchmarkDatagrams(b *testing.B) {
	for _, size := range []int{64, 1200} {
		for _, m := range datagramMovers {
			b.Run(fmt.Sprintf("impl=%s/size=%d", m.name, size), func(b *testing.B) {
				send, receive := m.make(b, loopbackUDP(b), loopbackUDP(b), datagramsOf(size))
				total := 0
				each := func(d []byte) { total += len(d) }
				b.SetBytes(int64(size * datagramWindow))
				b.ReportAllocs()
				cpu := cpuNanoseconds(b)
				for b.Loop() {
					if err := send(); err != nil {
						b.Fatal(err)
					}
					if err := receive(each); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(cpuNanoseconds(b)-cpu)/float64(b.N*datagramWindow), "cpu-ns/datagram")
				if total != b.N*size*datagramWindow {
					b.Fatalf("%d bytes arrived", total)
				}
			})
		}
	}
}

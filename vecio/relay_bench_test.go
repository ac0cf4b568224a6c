package vecio_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/vecio"
)

// copyBoth is the relay that io.Copy gives: splice on Linux, a pipe and a
// goroutine per direction, half-close carried through.
func copyBoth(a, b net.Conn) {
	var wg sync.WaitGroup
	for _, d := range [][2]net.Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			_, _ = io.Copy(d[1], d[0])
			_ = d[1].(interface{ CloseWrite() error }).CloseWrite()
		})
	}
	wg.Wait()
	a.Close()
	b.Close()
}

// onlyConn hides everything but the methods of net.Conn, so that io.Copy
// copies.
type onlyConn struct{ net.Conn }

func (c onlyConn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

var relayImpls = []struct {
	name  string
	relay func(b *testing.B, x, y net.Conn)
}{
	{"ours", func(b *testing.B, x, y net.Conn) {
		if _, err := vecio.Relay(b.Context(), x, y, vecio.RelayConfig{}); err != nil {
			b.Error(err)
		}
	}},
	{"ours-copy", func(b *testing.B, x, y net.Conn) {
		if _, err := vecio.Relay(b.Context(), x, y, vecio.RelayConfig{NoSplice: true}); err != nil {
			b.Error(err)
		}
	}},
	{"iocopy-splice", func(_ *testing.B, x, y net.Conn) { copyBoth(x, y) }},
	{"iocopy-32k", func(_ *testing.B, x, y net.Conn) { copyBoth(onlyConn{x}, onlyConn{y}) }},
}

// BenchmarkRelayBulk moves one direction's bytes in writes of 256 KiB.
// The CPU time is that of sender, relay and receiver together.
func BenchmarkRelayBulk(b *testing.B) {
	for _, impl := range relayImpls {
		b.Run("impl="+impl.name, func(b *testing.B) {
			x, y := socketLeg(b, "tcp"), socketLeg(b, "tcp")
			var wg sync.WaitGroup
			wg.Go(func() { impl.relay(b, x.inner, y.inner) })
			chunk := make([]byte, 256<<10)
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			wg.Go(func() {
				buf := make([]byte, 256<<10)
				for {
					if _, err := y.outer.Read(buf); err != nil {
						y.outer.Close()
						return
					}
				}
			})
			cpu := cpuTime()
			for b.Loop() {
				if _, err := x.outer.Write(chunk); err != nil {
					b.Fatal(err)
				}
			}
			x.outer.(*net.TCPConn).CloseWrite()
			wg.Wait()
			b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N)*(1<<30)/float64(len(chunk))/1e9, "cpu-s/GiB")
		})
	}
}

// BenchmarkRelayPingPong sends one message there and one back.
func BenchmarkRelayPingPong(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"64", 64}, {"4096", 4096}} {
		for _, impl := range relayImpls {
			b.Run("impl="+impl.name+"/size="+size.name, func(b *testing.B) {
				x, y := socketLeg(b, "tcp"), socketLeg(b, "tcp")
				var wg sync.WaitGroup
				wg.Go(func() { impl.relay(b, x.inner, y.inner) })
				buf := make([]byte, size.bytes)
				b.ReportAllocs()
				cpu := cpuTime()
				for b.Loop() {
					for _, d := range [][2]net.Conn{{x.outer, y.outer}, {y.outer, x.outer}} {
						if _, err := d[0].Write(buf); err != nil {
							b.Fatal(err)
						}
						if _, err := io.ReadFull(d[1], buf); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
				x.outer.Close()
				y.outer.Close()
				wg.Wait()
			})
		}
	}
}

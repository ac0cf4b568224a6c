package vecio_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
)

// callsOf returns how many system calls have moved bytes below e.
func callsOf(e *tlsEnd) int64 {
	if e.under == nil {
		return e.raw.(*faultconn.Counted).Calls.Load()
	}
	s := e.under.Stats()
	return s.Reads + s.Writes
}

var tlsImpls = []struct {
	name string
	make endMaker
}{
	{"std", func(raw net.Conn, wrap func(net.Conn) *tls.Conn) *tlsEnd {
		return bareEnd(&faultconn.Counted{Conn: raw}, wrap)
	}},
	{"ours", layeredEnd},
}

// BenchmarkLayeredBulk moves one direction's bytes over TLS 1.3, with the same
// at both ends. The CPU time is that of both.
func BenchmarkLayeredBulk(b *testing.B) {
	for _, size := range []int{16, 32, 64, 256} {
		for _, impl := range tlsImpls {
			b.Run(fmt.Sprintf("size=%d/impl=%s", size<<10, impl.name), func(b *testing.B) {
				client, server := tcpPair(b, impl.make, impl.make, tls.VersionTLS13)
				chunk := make([]byte, size<<10)
				b.SetBytes(int64(len(chunk)))
				b.ReportAllocs()
				ended := make(chan error, 1)
				go func() {
					buf := make([]byte, 64<<10)
					for {
						if _, err := server.Read(buf); err != nil {
							ended <- err
							return
						}
					}
				}()
				before, cpu := callsOf(client)+callsOf(server), cpuTime()
				for b.Loop() {
					if _, err := client.Write(chunk); err != nil {
						b.Fatal(err)
					}
				}
				client.Close()
				if err := <-ended; err != io.EOF {
					b.Fatal(err)
				}
				bytes := float64(b.N) * float64(len(chunk))
				b.ReportMetric(float64(cpuTime()-cpu)*(1<<30)/bytes/1e9, "cpu-s/GiB")
				b.ReportMetric(float64(callsOf(client)+callsOf(server)-before)*1e6/bytes, "calls/MB")
			})
		}
	}
}

// BenchmarkLayeredEcho sends one small message there and back.
func BenchmarkLayeredEcho(b *testing.B) {
	for _, impl := range tlsImpls {
		b.Run("size=64/impl="+impl.name, func(b *testing.B) {
			client, server := tcpPair(b, impl.make, impl.make, tls.VersionTLS13)
			b.ReportAllocs()
			go func() {
				buf := make([]byte, 64)
				for {
					if _, err := io.ReadFull(server, buf); err != nil {
						return
					}
					if _, err := server.Write(buf); err != nil {
						return
					}
				}
			}()
			buf := make([]byte, 64)
			for b.Loop() {
				if _, err := client.Write(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(client, buf); err != nil {
					b.Fatal(err)
				}
			}
			client.Close()
		})
	}
}

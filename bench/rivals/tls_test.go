package rivals

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/liveheap"
	"github.com/headrace-go/headrace/vecio"
)

// A tlsEnd is one end of a connection under TLS 1.3, and how often it has
// moved bytes to or from its socket.
type tlsEnd struct {
	net.Conn
	calls func() int64
}

// A tlsImpl makes one end of raw. Some make their own way to the socket.
type tlsImpl struct {
	name string
	make func(raw net.Conn, config *tls.Config, client bool) (tlsEnd, error)
}

// tlsImpls are those that speak TLS, of one of the three suites.
var tlsImpls = []tlsImpl{{"std", stdTLS}, {"coalesce", coalescedTLS}, {"takeover", takenTLS}}

func stdTLS(raw net.Conn, config *tls.Config, client bool) (tlsEnd, error) {
	counted := &faultconn.Counted{Conn: raw}
	top := topTLS(counted, config, client)
	return tlsEnd{top, counted.Calls.Load}, top.Handshake()
}

func topTLS(raw net.Conn, config *tls.Config, client bool) *tls.Conn {
	if client {
		return tls.Client(raw, config)
	}
	return tls.Server(raw, config)
}

func coalescedTLS(raw net.Conn, config *tls.Config, client bool) (tlsEnd, error) {
	under := vecio.Coalesce(raw, vecio.CoalesceConfig{})
	top := topTLS(under, config, client)
	calls := func() int64 { s := under.Stats(); return s.Reads + s.Writes }
	return tlsEnd{vecio.Layered(top, under), calls}, top.Handshake()
}

func takenTLS(raw net.Conn, config *tls.Config, client bool) (tlsEnd, error) {
	side := tlsrecord.Server
	if client {
		side = tlsrecord.Client
	}
	c, err := side(context.Background(), raw, config, tlsrecord.Config{})
	if err != nil {
		return tlsEnd{}, err
	}
	if e := c.Explain(); !e.Taken {
		return tlsEnd{}, errors.New(e.String())
	}
	return tlsEnd{c, func() int64 { s := c.Stats(); return s.Reads + s.Writes }}, nil
}

// dialImpls connects two ends.
func dialImpls(tb testing.TB, client, server tlsImpl) (c, s tlsEnd) {
	tb.Helper()
	rawClient, rawServer, err := dialTCP()
	if err != nil {
		tb.Fatal(err)
	}
	cc, sc := tlsConfigs(tb)
	cc.DynamicRecordSizingDisabled, sc.DynamicRecordSizingDisabled = true, true
	shaken := make(chan error, 1)
	go func() {
		var err error
		s, err = server.make(rawServer, sc, false)
		shaken <- err
	}()
	c, err = client.make(rawClient, cc, true)
	if err := errors.Join(err, <-shaken); err != nil {
		tb.Fatal(errors.Join(err, rawClient.Close(), rawServer.Close()))
	}
	return c, s
}

// BenchmarkTLSBulk moves one direction's bytes. The CPU time is that of both
// ends, which are the same implementation.
func BenchmarkTLSBulk(b *testing.B) {
	for _, size := range []int{16, 32, 64, 256} {
		for _, impl := range tlsImpls {
			b.Run(fmt.Sprintf("size=%d/impl=%s", size<<10, impl.name), func(b *testing.B) {
				client, server := dialImpls(b, impl, impl)
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
				before, cpu := client.calls()+server.calls(), cpuNanoseconds(b)
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
				b.ReportMetric(float64(cpuNanoseconds(b)-cpu)/bytes, "cpu-ns/B")
				b.ReportMetric(float64(client.calls()+server.calls()-before)*1e6/bytes, "calls/MB")
				server.Close()
			})
		}
	}
}

// BenchmarkTLSRelay moves bytes through a relay between TCP and TLS, as a
// proxy does: up from a socket into TLS, or down from TLS into a socket. The
// other end of the TLS connection is the same implementation, read or written
// in 64 KiB.
func BenchmarkTLSRelay(b *testing.B) {
	for _, way := range []string{"up", "down"} {
		for _, impl := range tlsImpls {
			b.Run(fmt.Sprintf("way=%s/impl=%s", way, impl.name), func(b *testing.B) {
				plain, inner, err := dialTCP()
				if err != nil {
					b.Fatal(err)
				}
				outer, far := dialImpls(b, impl, impl)
				done := make(chan error, 1)
				if err := vecio.Start(context.Background(), inner, outer.Conn, vecio.RelayConfig{},
					func(_ vecio.RelayStats, err error) { done <- err }); err != nil {
					b.Fatal(err)
				}
				from, to := plain, far.Conn
				if way == "down" {
					from, to = far.Conn, plain
				}
				chunk := make([]byte, 64<<10)
				b.SetBytes(int64(len(chunk)))
				ended := make(chan error, 1)
				go func() {
					_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{to}, make([]byte, 64<<10))
					ended <- err
				}()
				cpu := cpuNanoseconds(b)
				for b.Loop() {
					if _, err := from.Write(chunk); err != nil {
						b.Fatal(err)
					}
				}
				if err := from.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
					b.Fatal(err)
				}
				if err := <-ended; err != nil {
					b.Fatal(err)
				}
				bytes := float64(b.N) * float64(len(chunk))
				b.ReportMetric(float64(cpuNanoseconds(b)-cpu)/bytes, "cpu-ns/B")
				plain.Close()
				far.Close()
				<-done
			})
		}
	}
}

// BenchmarkTLSEcho sends 64 bytes there and back.
func BenchmarkTLSEcho(b *testing.B) {
	for _, impl := range tlsImpls {
		b.Run("impl="+impl.name, func(b *testing.B) {
			client, server := dialImpls(b, impl, impl)
			b.ReportAllocs()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
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
			l := newLatencies()
			for b.Loop() {
				l.begin()
				if _, err := client.Write(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(client, buf); err != nil {
					b.Fatal(err)
				}
				l.end()
			}
			l.report(b)
			client.Close()
			<-ended
			server.Close()
		})
	}
}

// BenchmarkTLSHandshake makes and closes connections.
func BenchmarkTLSHandshake(b *testing.B) {
	for _, impl := range tlsImpls {
		b.Run("impl="+impl.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c, s := dialImpls(b, impl, impl)
				c.Close()
				s.Close()
			}
		})
	}
}

// BenchmarkTLSIdle measures the heap of idle connections, both ends, after a
// round trip: as they are (state=idle), and after Trim, which a relay that parks
// calls (state=trimmed). -benchtime 1x is enough.
func BenchmarkTLSIdle(b *testing.B) {
	const conns = 400
	for _, impl := range tlsImpls {
		for _, state := range []string{"idle", "trimmed"} {
			b.Run("impl="+impl.name+"/state="+state, func(b *testing.B) {
				for b.Loop() {
					dialImplsAndTalk(b, impl) // warm what all connections share
					before := liveheap.Bytes()
					var ends []tlsEnd
					for range conns {
						c, s := dialImplsAndTalk(b, impl)
						ends = append(ends, c, s)
					}
					for _, e := range ends {
						if t, ok := e.Conn.(interface{ Trim() }); ok && state == "trimmed" {
							t.Trim()
						}
					}
					b.ReportMetric(float64(liveheap.Bytes()-before)/(2*conns), "heap-B/end")
					for _, e := range ends {
						e.Close()
					}
				}
			})
		}
	}
}

func dialImplsAndTalk(b *testing.B, impl tlsImpl) (c, s tlsEnd) {
	c, s = dialImpls(b, impl, impl)
	for _, way := range [][2]tlsEnd{{c, s}, {s, c}} {
		if _, err := way[0].Write(make([]byte, 1000)); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(way[1], make([]byte, 1000)); err != nil {
			b.Fatal(err)
		}
	}
	return c, s
}

// Bytes arrive intact through every pair of implementations.
func TestTLSImpls(t *testing.T) {
	for _, client := range tlsImpls {
		for _, server := range tlsImpls {
			t.Run(client.name+" "+server.name, func(t *testing.T) {
				c, s := dialImpls(t, client, server)
				defer c.Close()
				defer s.Close()
				sent := make([]byte, 1<<20)
				for i := range sent {
					sent[i] = byte(i * i >> 7)
				}
				go func() { _, _ = c.Write(sent) }()
				got := make([]byte, len(sent))
				if _, err := io.ReadFull(s, got); err != nil {
					t.Fatal(err)
				}
				if string(got) != string(sent) {
					t.Fatal("the bytes have changed")
				}
			})
		}
	}
}

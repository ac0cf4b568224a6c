package rivals

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/sagernet/sing/common/bufio"

	"github.com/headrace-go/headrace/vecio"
)

// A relay moves bytes between two connections, both ways, until both have
// ended, and then closes them.
type relay struct {
	name string
	run  func(a, b net.Conn) error
}

var relays = []relay{
	{"headrace", func(a, b net.Conn) error {
		_, err := vecio.Relay(context.Background(), a, b, vecio.RelayConfig{})
		return err
	}},
	{"headrace-nosplice", func(a, b net.Conn) error {
		_, err := vecio.Relay(context.Background(), a, b, vecio.RelayConfig{NoSplice: true})
		return err
	}},
	{"iocopy", func(a, b net.Conn) error { return copyBoth(a, b) }},
	{"iocopy-nosplice", func(a, b net.Conn) error { return copyBoth(plainConn{a}, plainConn{b}) }},
	{"sing", func(a, b net.Conn) error { return bufio.CopyConn(context.Background(), a, b) }},
}

// plainConn has the methods of net.Conn and CloseWrite only, so that io.Copy
// copies 32 KiB at a time.
type plainConn struct{ net.Conn }

func (c plainConn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

// copyBoth is the relay of the textbook.
func copyBoth(a, b net.Conn) error {
	var group sync.WaitGroup
	var errs [2]error
	for i, way := range [][2]net.Conn{{a, b}, {b, a}} {
		group.Go(func() {
			_, errs[i] = io.Copy(way[1], way[0])
			way[1].(interface{ CloseWrite() error }).CloseWrite()
		})
	}
	group.Wait()
	a.Close()
	b.Close()
	if errs[0] != nil {
		return errs[0]
	}
	return errs[1]
}

// relayed starts the relay between two TCP connections and returns their outer
// ends. The relay's end is waited for when the test is over.
func relayed(tb testing.TB, r relay) (near, far net.Conn) {
	tb.Helper()
	near, left := mustDial(tb, dialTCP)
	far, right := mustDial(tb, dialTCP)
	ended := make(chan error, 1)
	go func() { ended <- r.run(left, right) }()
	tb.Cleanup(func() {
		near.Close()
		far.Close()
		<-ended
	})
	return near, far
}

func TestRelays(t *testing.T) {
	for _, r := range relays {
		t.Run(r.name, func(t *testing.T) {
			near, far := relayed(t, r)
			var group sync.WaitGroup
			for i, way := range [][2]net.Conn{{near, far}, {far, near}} {
				want := make([]byte, 3<<20+17)
				rand.NewChaCha8([32]byte{byte(i)}).Read(want)
				group.Go(func() {
					if _, err := way[0].Write(want); err != nil {
						t.Error(err)
					}
					if err := way[0].(*net.TCPConn).CloseWrite(); err != nil {
						t.Error(err)
					}
				})
				group.Go(func() {
					// Until the end of the stream: half-close must come through.
					got, err := io.ReadAll(way[1])
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("way %d: %d bytes, %v, want the %d that were sent", i, len(got), err, len(want))
					}
				})
			}
			group.Wait()
		})
	}
}

// BenchmarkRelayBulk moves bytes one way in writes of 256 KiB. The processor
// time is that of sender, relay and receiver together.
func BenchmarkRelayBulk(b *testing.B) {
	for _, r := range relays {
		b.Run("impl="+r.name, func(b *testing.B) {
			near, far := relayed(b, r)
			chunk := make([]byte, 256<<10)
			received := make(chan error, 1)
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			total := int64(b.N) * int64(len(chunk))
			cpu := cpuNanoseconds(b)
			b.ResetTimer()
			go func() {
				_, err := io.CopyN(io.Discard, far, total)
				received <- err
			}()
			for range b.N {
				if _, err := near.Write(chunk); err != nil {
					b.Fatal(err)
				}
			}
			if err := <-received; err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(float64(cpuNanoseconds(b)-cpu)/float64(total), "cpu-ns/B")
		})
	}
}

// BenchmarkRelayEcho sends 64 bytes there and back.
func BenchmarkRelayEcho(b *testing.B) {
	for _, r := range relays {
		b.Run("impl="+r.name, func(b *testing.B) {
			near, far := relayed(b, r)
			go io.Copy(far, far) // ends when the connection closes
			buffer := make([]byte, 64)
			times := newLatencies()
			b.ReportAllocs()
			for b.Loop() {
				times.begin()
				if _, err := near.Write(buffer); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(near, buffer); err != nil {
					b.Fatal(err)
				}
				times.end()
			}
			times.report(b)
		})
	}
}

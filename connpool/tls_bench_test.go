package connpool_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headrace-go/headrace/connpool"
)

// BenchmarkTLSConnect is the time to a TLS connection that has done its first
// round trip: by a full handshake, by a resumed session, and taken from a Pool.
// Both ends share the processors.
func BenchmarkTLSConnect(b *testing.B) {
	address := echoTLS(b, serverTLS())
	dialing := func(sessions *connpool.SessionCache) func() error {
		d := &connpool.Dialer{TLS: clientTLS(), Sessions: sessions}
		return func() error {
			c, err := d.DialContext(context.Background(), "tcp", address)
			if err != nil {
				return err
			}
			defer c.Close()
			return exchange(c)
		}
	}
	d := &connpool.Dialer{TLS: clientTLS()}
	p := newPool(b, connpool.Config[string]{Dial: func(ctx context.Context, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "tcp", address)
	}})
	for _, way := range []struct {
		name string
		once func() error
	}{
		{"cold", dialing(nil)},
		{"resumed", dialing(newSessions(b, connpool.SessionConfig{}))},
		{"pooled", func() error {
			c, err := p.Get(context.Background(), "k")
			if err != nil {
				return err
			}
			if err := exchange(c); err != nil {
				return err
			}
			return c.Put()
		}},
	} {
		b.Run("way="+way.name, func(b *testing.B) {
			if err := way.once(); err != nil { // the first one is what the others begin with
				b.Fatal(err)
			}
			for b.Loop() {
				if err := way.once(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTLSBurst dials many connections at the same time to a server whose
// tickets are there, and counts how many of them are resumed: from a
// SessionCache with 64 tickets, and from the standard library's.
func BenchmarkTLSBurst(b *testing.B) {
	address := echoTLS(b, serverTLS())
	for _, burst := range []int{16, 64, 128} {
		for _, impl := range []string{"headrace", "std"} {
			b.Run(fmt.Sprintf("impl=%s/dials=%d", impl, burst), func(b *testing.B) {
				var resumed atomic.Int64
				for b.Loop() {
					b.StopTimer()
					d := &connpool.Dialer{TLS: clientTLS(), Sessions: newSessions(b, connpool.SessionConfig{})}
					if impl == "std" {
						prime(b, d, address, 1)
						lru := tls.NewLRUClientSessionCache(64)
						if s, ok := d.Sessions.For("").Get(serverName); ok {
							lru.Put(serverName, s)
						}
						d.Sessions, d.TLS.ClientSessionCache = nil, lru
					} else {
						prime(b, d, address, 64)
					}
					b.StartTimer()
					var running sync.WaitGroup
					for range burst {
						running.Go(func() {
							c, timing, err := d.Dial(context.Background(), "tcp", address)
							if err != nil {
								b.Error(err)
								return
							}
							if timing.Resumed {
								resumed.Add(1)
							}
							c.Close()
						})
					}
					running.Wait()
				}
				b.ReportMetric(float64(resumed.Load())/float64(b.N), "resumed/op")
			})
		}
	}
}

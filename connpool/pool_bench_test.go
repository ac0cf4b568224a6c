package connpool_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/connpool"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// naive is what programs write themselves: a locked stack for each key.
type naive struct {
	mu   sync.Mutex
	idle map[string][]net.Conn
}

func (p *naive) get(key string) net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	stack := p.idle[key]
	if len(stack) == 0 {
		a, _ := faultconn.Pair(1)
		return a
	}
	c := stack[len(stack)-1]
	p.idle[key] = stack[:len(stack)-1]
	return c
}

func (p *naive) put(key string, c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle[key] = append(p.idle[key], c)
}

// BenchmarkGetPut takes an idle connection and puts it back, of 1 to 1000 keys,
// on 1 to 64 goroutines. The connections are in memory: there is nothing to look
// at.
func BenchmarkGetPut(b *testing.B) {
	for _, keys := range []int{1, 1000} {
		names := make([]string, keys)
		for i := range names {
			names[i] = fmt.Sprintf("origin-%d.example:443", i)
		}
		for _, goroutines := range []int{1, 2, 8, 64} {
			run := func(impl string, turn func(key string) error) {
				b.Run(fmt.Sprintf("impl=%s/keys=%d/goroutines=%d", impl, keys, goroutines), func(b *testing.B) {
					b.ReportAllocs()
					parallel(b, goroutines, func(i int) error { return turn(names[i%keys]) })
				})
			}
			p := newPool(b, connpool.Config[string]{MaxIdle: 1 << 20, Dial: inMemory})
			run("headrace", func(key string) error {
				c, err := p.Get(context.Background(), key)
				if err != nil {
					return err
				}
				return c.Put()
			})
			n := naive{idle: map[string][]net.Conn{}}
			run("naive", func(key string) error {
				n.put(key, n.get(key))
				return nil
			})
		}
	}
}

// parallel shares b.N turns among goroutines, each with numbers of its own.
func parallel(b *testing.B, goroutines int, turn func(i int) error) {
	var wg sync.WaitGroup
	for g := range goroutines {
		n := b.N / goroutines
		if g == 0 {
			n += b.N % goroutines
		}
		wg.Go(func() {
			for i := range n {
				if err := turn(g*7919 + i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkGetPutSocket is the same for a TCP connection: with a look at the
// socket on both ways, and without.
func BenchmarkGetPutSocket(b *testing.B) {
	for _, check := range []struct {
		name  string
		after int
	}{{"always", 0}, {"never", -1}} {
		b.Run("check="+check.name, func(b *testing.B) {
			p := newPool(b, connpool.Config[string]{CheckAfter: -1, Dial: func(context.Context, string) (net.Conn, error) {
				a, _ := faultconn.Sockets(b, "tcp")
				return a, nil
			}})
			if check.after == 0 {
				p = newPool(b, connpool.Config[string]{Dial: func(context.Context, string) (net.Conn, error) {
					a, _ := faultconn.Sockets(b, "tcp")
					return a, nil
				}})
			}
			b.ReportAllocs()
			for b.Loop() {
				c, err := p.Get(context.Background(), "origin")
				if err != nil {
					b.Fatal(err)
				}
				if err := c.Put(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

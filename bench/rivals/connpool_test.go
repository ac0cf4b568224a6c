package rivals

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/jackc/puddle/v2"
)

// A connPool keeps idle connections. One turn takes a connection, hands it to
// use, and puts it back.
type connPool struct {
	name string
	turn func(use func(net.Conn) error) error
}

// connPools returns pools that are warm after the first turn. All their
// connections come from dial.
func connPools(tb testing.TB, dial func() (net.Conn, error)) []connPool {
	return []connPool{puddlePool(tb, dial), naivePool(tb, dial)}
}

func puddlePool(tb testing.TB, dial func() (net.Conn, error)) connPool {
	pool, err := puddle.NewPool(&puddle.Config[net.Conn]{
		Constructor: func(context.Context) (net.Conn, error) { return dial() },
		Destructor:  func(c net.Conn) { c.Close() },
		MaxSize:     64,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	ctx := context.Background()
	return connPool{"puddle", func(use func(net.Conn) error) error {
		resource, err := pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer resource.Release()
		return use(resource.Value())
	}}
}

// naivePool is what programs write themselves: a locked stack per address.
func naivePool(tb testing.TB, dial func() (net.Conn, error)) connPool {
	const address = "origin:443"
	var lock sync.Mutex
	idle := map[string][]net.Conn{}
	take := func() (net.Conn, error) {
		lock.Lock()
		defer lock.Unlock()
		if stack := idle[address]; len(stack) > 0 {
			idle[address] = stack[:len(stack)-1]
			return stack[len(stack)-1], nil
		}
		return dial()
	}
	tb.Cleanup(func() {
		for _, c := range idle[address] {
			c.Close()
		}
	})
	return connPool{"mutexmap", func(use func(net.Conn) error) error {
		c, err := take()
		if err != nil {
			return err
		}
		err = use(c)
		lock.Lock()
		idle[address] = append(idle[address], c)
		lock.Unlock()
		return err
	}}
}

// counted returns a dial function of in-memory connections and how often it
// was called.
func counted(tb testing.TB) (dial func() (net.Conn, error), dialed func() int) {
	var lock sync.Mutex
	n := 0
	return func() (net.Conn, error) {
			client, server := net.Pipe()
			tb.Cleanup(func() { server.Close() })
			lock.Lock()
			n++
			lock.Unlock()
			return client, nil
		}, func() int {
			lock.Lock()
			defer lock.Unlock()
			return n
		}
}

func TestConnPools(t *testing.T) {
	for i := range connPools(t, nil) {
		dial, dialed := counted(t)
		p := connPools(t, dial)[i]
		t.Run(p.name, func(t *testing.T) {
			var first net.Conn
			for range 3 {
				err := p.turn(func(c net.Conn) error {
					if first != nil && c != first {
						return errors.New("another connection though one was idle")
					}
					first = c
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
			nested := p.turn(func(a net.Conn) error {
				return p.turn(func(b net.Conn) error {
					if a == b {
						return errors.New("one connection lent twice")
					}
					return nil
				})
			})
			if nested != nil || dialed() != 2 {
				t.Errorf("nested turns = %v with %d dials, want nil with 2", nested, dialed())
			}
		})
	}
}

func BenchmarkConnPool(b *testing.B) {
	nothing := func(net.Conn) error { return nil }
	dial, _ := counted(b)
	for _, p := range connPools(b, dial) {
		b.Run("impl="+p.name+"/mode=serial", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.turn(nothing); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("impl="+p.name+"/mode=parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := p.turn(nothing); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// net/http does not let anybody take a connection out of its idle pool: what
// can be measured is a whole exchange with a peer that answers at once, and
// that is an upper bound of its Get and Put.
func httpExchange(tb testing.TB) func() error {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go answer(server)
			return client, nil
		},
	}
	tb.Cleanup(transport.CloseIdleConnections)
	request, err := http.NewRequest(http.MethodGet, "http://origin/", nil)
	if err != nil {
		tb.Fatal(err)
	}
	return func() error {
		response, err := transport.RoundTrip(request)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		return errors.Join(err, response.Body.Close())
	}
}

// answer sends an empty response for every request until the connection ends.
func answer(c net.Conn) {
	defer c.Close()
	reader := bufio.NewReader(c)
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > len("\r\n") {
			continue // a header
		}
		if _, err := io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n"); err != nil {
			return
		}
	}
}

func BenchmarkConnPoolExchange(b *testing.B) {
	b.Run("impl=nethttp", func(b *testing.B) {
		exchange := httpExchange(b)
		b.ReportAllocs()
		for b.Loop() {
			if err := exchange(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

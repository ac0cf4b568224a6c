package rivals

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"testing"

	"github.com/jackc/puddle/v2"

	"github.com/headrace-go/headrace/connpool"
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
	return []connPool{headracePool(tb, dial), puddlePool(tb, dial), naivePool(tb, dial)}
}

func headracePool(tb testing.TB, dial func() (net.Conn, error)) connPool {
	pool, err := connpool.New(connpool.Config[string]{
		Dial: func(context.Context, string) (net.Conn, error) { return dial() },
	})
	if err != nil {
		tb.Fatal(err)
	}
	ctx := context.Background()
	tb.Cleanup(func() {
		if err := pool.Close(ctx); err != nil {
			tb.Error(err)
		}
	})
	return connPool{"headrace", func(use func(net.Conn) error) error {
		c, err := pool.Get(ctx, "origin:443")
		if err != nil {
			return err
		}
		if err := use(c); err != nil {
			return errors.Join(err, c.Discard(err))
		}
		return c.Put()
	}}
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

// below is the connection that a handle stands for.
func below(c net.Conn) net.Conn {
	if handle, ok := c.(interface {
		TransparentConn() (net.Conn, func(read, written int64))
	}); ok {
		c, _ = handle.TransparentConn()
	}
	return c
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
					c = below(c)
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
					if below(a) == below(b) {
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

// BenchmarkConnPool is a turn that does nothing, alone, on as many goroutines as
// there are processors (parallel), and on 64.
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
		for _, goroutines := range []int{runtime.GOMAXPROCS(0), 64} {
			mode := "parallel"
			if goroutines == 64 {
				mode = "parallel64"
			}
			b.Run("impl="+p.name+"/mode="+mode, func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(max(1, goroutines/runtime.GOMAXPROCS(0)))
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
}

// BenchmarkConnPoolKeys takes connections of 1000 keys by turns. puddle has no
// keys, so there is one pool for each; net/http is in ConnPoolExchange.
func BenchmarkConnPoolKeys(b *testing.B) {
	const keys = 1000
	names := make([]string, keys)
	for i := range names {
		names[i] = fmt.Sprintf("origin-%d.example:443", i)
	}
	dial, _ := counted(b)
	ctx := context.Background()
	ours, err := connpool.New(connpool.Config[string]{
		MaxIdle: 64 * keys,
		Dial:    func(context.Context, string) (net.Conn, error) { return dial() },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ours.Close(ctx) })
	theirs := map[string]connPool{}
	for _, name := range names {
		theirs[name] = puddlePool(b, dial)
	}
	nothing := func(net.Conn) error { return nil }
	for _, impl := range []struct {
		name string
		turn func(key string) error
	}{
		{"headrace", func(key string) error {
			c, err := ours.Get(ctx, key)
			if err != nil {
				return err
			}
			return c.Put()
		}},
		{"puddle", func(key string) error { return theirs[key].turn(nothing) }},
	} {
		for _, name := range names { // and dialed before anything is timed
			if err := impl.turn(name); err != nil {
				b.Fatal(err)
			}
		}
		for _, goroutines := range []int{1, runtime.GOMAXPROCS(0), 64} {
			b.Run(fmt.Sprintf("impl=%s/goroutines=%d", impl.name, goroutines), func(b *testing.B) {
				b.ReportAllocs()
				crowd(b, goroutines, func(i int) error { return impl.turn(names[i%keys]) })
			})
		}
	}
}

// net/http does not let anybody take a connection out of its idle pool: what
// can be compared is a whole exchange with a peer that answers at once. Ours is
// what a proxy does: it moves bytes, and parses none.
func exchanges(tb testing.TB) map[string]func(host string) error {
	dial := func() (net.Conn, error) {
		client, server := net.Pipe()
		go answer(server)
		return client, nil
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext:         func(context.Context, string, string) (net.Conn, error) { return dial() },
	}
	tb.Cleanup(transport.CloseIdleConnections)
	ctx := context.Background()
	pool, err := connpool.New(connpool.Config[string]{
		MaxIdle: 1 << 20,
		Dial:    func(context.Context, string) (net.Conn, error) { return dial() },
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = pool.Close(ctx) })
	return map[string]func(host string) error{
		"nethttp": func(host string) error {
			request := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: host, Path: "/"}, Header: http.Header{}}
			response, err := transport.RoundTrip(request)
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, response.Body)
			return errors.Join(err, response.Body.Close())
		},
		"headrace": func(host string) error {
			c, err := pool.Get(ctx, host)
			if err != nil {
				return err
			}
			var b [len(noContent)]byte
			_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: origin\r\n\r\n")
			if err == nil {
				_, err = io.ReadFull(c, b[:])
			}
			if err != nil {
				return errors.Join(err, c.Discard(err))
			}
			return c.Put()
		},
	}
}

const noContent = "HTTP/1.1 204 No Content\r\n\r\n"

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
		if _, err := io.WriteString(c, noContent); err != nil {
			return
		}
	}
}

// BenchmarkConnPoolExchange is with one host or by turns with 1000.
func BenchmarkConnPoolExchange(b *testing.B) {
	both := exchanges(b)
	for _, name := range []string{"headrace", "nethttp"} {
		exchange := both[name]
		for _, hosts := range []int{1, 1000} {
			names := make([]string, hosts)
			for i := range names {
				names[i] = fmt.Sprintf("origin-%d", i)
				if err := exchange(names[i]); err != nil {
					b.Fatal(err)
				}
			}
			for _, goroutines := range []int{1, 64} {
				b.Run(fmt.Sprintf("impl=%s/keys=%d/goroutines=%d", name, hosts, goroutines), func(b *testing.B) {
					b.ReportAllocs()
					crowd(b, goroutines, func(i int) error { return exchange(names[i%hosts]) })
				})
			}
		}
	}
}

// crowd shares b.N turns among goroutines, each with numbers of its own.
func crowd(b *testing.B, goroutines int, turn func(i int) error) {
	var running sync.WaitGroup
	for g := range goroutines {
		n := b.N / goroutines
		if g < b.N%goroutines {
			n++
		}
		running.Go(func() {
			for i := range n {
				if err := turn(g*7919 + i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
}

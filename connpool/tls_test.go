package connpool_test

import (
	"crypto/tls"
	"net"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/internal/testcert"
)

// serverName is the name that the tests' certificate is for.
const serverName = "origin.test"

var certificate = sync.OnceValue(func() *testcert.Identity { return testcert.New(serverName) })

func serverTLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate().Certificate}}
}

func clientTLS() *tls.Config {
	return &tls.Config{RootCAs: certificate().Roots, ServerName: serverName}
}

// serve accepts on a loopback address and hands each connection, with its
// number, to f, on a goroutine of its own, until the test ends.
func serve(t testing.TB, f func(n int, c *net.TCPConn)) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, ln, f)
}

func serveOn(t testing.TB, ln net.Listener, f func(n int, c *net.TCPConn)) (address string) {
	var running sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	running.Go(func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			running.Go(func() { f(n, c.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return ln.Addr().String()
}

// echoTLS answers each byte with itself over TLS, and first sends greeting.
func echoTLS(t testing.TB, cfg *tls.Config) (address string) {
	return serve(t, func(_ int, c *net.TCPConn) {
		s := tls.Server(c, cfg)
		defer s.Close()
		b := make([]byte, 1)
		for {
			if _, err := s.Read(b); err != nil {
				return
			}
			if _, err := s.Write(b); err != nil {
				return
			}
		}
	})
}

// roundTrip sends a byte and waits for it to come back: whatever the server sent
// before, tickets above all, has then been read.
func roundTrip(t testing.TB, c net.Conn) {
	t.Helper()
	if err := exchange(c); err != nil {
		t.Fatal(err)
	}
}

func exchange(c net.Conn) error {
	b := []byte{'x'}
	if _, err := c.Write(b); err != nil {
		return err
	}
	_, err := c.Read(b)
	return err
}

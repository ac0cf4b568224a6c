package proxytest

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/socks"
)

// A Target is a server that a proxy connects to, and the test accepts for.
type Target struct {
	Dest socks.Addr

	t  testing.TB
	ln net.Listener
}

// Listen returns a Target on addr, until the test ends.
func Listen(t testing.TB, addr string) *Target {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return &Target{Dest: Dest(t, ln.Addr()), t: t, ln: ln}
}

// Accept returns the next connection, until the test ends.
func (g *Target) Accept() *net.TCPConn {
	g.t.Helper()
	c, err := g.ln.Accept()
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

// Echo makes the Target send back what it gets, on any number of connections,
// until the test ends.
func (g *Target) Echo() *Target {
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := g.ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				_, _ = io.Copy(c, c) // a client that vanishes is none of the test's failures
				_ = c.Close()
			})
		}
	})
	g.t.Cleanup(func() {
		_ = g.ln.Close()
		conns.Wait()
	})
	return g
}

// Close makes the Target refuse connections.
func (g *Target) Close() {
	g.t.Helper()
	if err := g.ln.Close(); err != nil {
		g.t.Fatal(err)
	}
}

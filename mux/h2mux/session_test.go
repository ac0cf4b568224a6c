package h2mux_test

import (
	"net"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
	"github.com/headrace-go/headrace/mux/muxtest"
)

// A transport makes the two ends of a new connection.
type transport struct {
	name string
	dial func(t testing.TB) (client, server net.Conn)
}

var transports = []transport{
	{"tcp", func(t testing.TB) (net.Conn, net.Conn) { return faultconn.Sockets(t, "tcp") }},
	{"memory", func(t testing.TB) (net.Conn, net.Conn) { a, b := faultconn.Pair(0); return a, b }},
	{"pipe", func(testing.TB) (net.Conn, net.Conn) { return net.Pipe() }},
	{"tls", dialTLS},
}

// sessions returns the two sides of a session, which are closed with the test.
func sessions(t testing.TB, a, b net.Conn, cfg h2mux.Config) (client, server *h2mux.Session) {
	t.Helper()
	client, err := h2mux.Client(a, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err = h2mux.Server(b, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

func TestSession(t *testing.T) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			muxtest.TestSession(t, func(t *testing.T) (opener, accepter mux.Session) {
				a, b := tr.dial(t)
				return sessions(t, a, b, h2mux.Config{MaxStreams: 1100})
			})
		})
	}
}

// TestSessionPortable has sockets used as any other connection.
func TestSessionPortable(t *testing.T) {
	muxtest.TestSession(t, func(t *testing.T) (opener, accepter mux.Session) {
		a, b := faultconn.Sockets(t, "tcp")
		return sessions(t, a, b, h2mux.Portable(h2mux.Config{MaxStreams: 1100}))
	})
}

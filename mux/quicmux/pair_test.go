package quicmux_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/internal/testcert"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/muxtest"
	"github.com/headrace-go/headrace/mux/quicmux"
)

// credentials are what both ends go by.
var credentials = sync.OnceValue(func() *testcert.Identity { return testcert.New("test") })

func serverTLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{credentials().Certificate}, NextProtos: []string{"test"}}
}

func clientTLS() *tls.Config {
	return &tls.Config{RootCAs: credentials().Roots, ServerName: "test", NextProtos: []string{"test"}}
}

// listen returns a Listener that is closed at the end of the test.
func listen(t *testing.T, cfg quicmux.Config) *quicmux.Listener {
	t.Helper()
	cfg.TLS = serverTLS()
	l, err := quicmux.Listen("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) { // the test may have closed it
			t.Errorf("Close of the listener: %v", err)
		}
	})
	return l
}

// pair returns both ends of a session.
func pair(t *testing.T, client, server quicmux.Config) (c, s *quicmux.Session) {
	t.Helper()
	l := listen(t, server)
	accepted := make(chan *quicmux.Session, 1)
	go func() {
		s, err := l.Accept(context.Background())
		if err != nil {
			t.Errorf("Accept: %v", err)
		}
		accepted <- s
	}()
	if client.TLS == nil {
		client.TLS = clientTLS()
	}
	c, err := quicmux.Dial(t.Context(), l.Addr().String(), client)
	if err != nil {
		t.Fatal(err)
	}
	if s = <-accepted; s == nil {
		t.FailNow()
	}
	t.Cleanup(func() { _, _ = c.Close(), s.Close() })
	return c, s
}

func TestSession(t *testing.T) {
	muxtest.TestSession(t, func(t *testing.T) (opener, accepter mux.Session) {
		return pair(t, quicmux.Config{}, quicmux.Config{})
	})
}

// TestSessionPortable has quic-go read the sockets.
func TestSessionPortable(t *testing.T) {
	muxtest.TestSession(t, func(t *testing.T) (opener, accepter mux.Session) {
		c, s := pair(t, quicmux.Portable(quicmux.Config{}), quicmux.Portable(quicmux.Config{}))
		if c.Stats().GRO || s.Stats().GRO {
			t.Error("datagrams arrive joined")
		}
		return c, s
	})
}

// TestServerOpens: with QUIC either side may.
func TestServerOpens(t *testing.T) {
	muxtest.TestSession(t, func(t *testing.T) (opener, accepter mux.Session) {
		c, s := pair(t, quicmux.Config{}, quicmux.Config{})
		return s, c
	})
}

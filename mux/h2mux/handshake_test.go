package h2mux_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// A corkedConn holds between Cork and Uncork what is written.
type corkedConn struct {
	net.Conn
	mu   sync.Mutex
	deep int
	held bytes.Buffer
}

func (c *corkedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deep > 0 {
		return c.held.Write(p)
	}
	return c.Conn.Write(p)
}

func (c *corkedConn) Cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deep++
}

func (c *corkedConn) Uncork() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deep--; c.deep > 0 {
		return nil
	}
	_, err := c.held.WriteTo(c.Conn)
	return err
}

// TestHandshakeUnderCork: a session shakes hands if nobody has, and does not cork
// that.
func TestHandshakeUnderCork(t *testing.T) {
	clientConfig, serverConfig := configsTLS(t)
	a, b := faultconn.Sockets(t, "tcp")
	client, server := sessions(t, tls.Client(&corkedConn{Conn: a}, clientConfig), tls.Server(&corkedConn{Conn: b}, serverConfig), h2mux.Config{})
	go func() {
		st, err := server.AcceptStream(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := io.Copy(st, st); err != nil {
			t.Error(err)
		}
		st.Close()
	}()
	st, err := client.OpenRequest(context.Background(), h2mux.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := io.WriteString(st, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := st.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(st); string(got) != "hello" || err != nil {
		t.Errorf("echo = %q, %v", got, err)
	}
}

// TestCloseUnshaken: Close does not wait for a peer that does not shake hands.
func TestCloseUnshaken(t *testing.T) {
	clientConfig, serverConfig := configsTLS(t)
	for name, side := range map[string]struct {
		start func(c net.Conn) (*h2mux.Session, error)
		begin func(peer net.Conn) error // returns once the handshake has begun
	}{
		"client": {
			func(c net.Conn) (*h2mux.Session, error) {
				return h2mux.Client(tls.Client(c, clientConfig), h2mux.Config{})
			},
			func(peer net.Conn) error { _, err := peer.Read(make([]byte, 1)); return err },
		},
		"server": {
			func(c net.Conn) (*h2mux.Session, error) {
				return h2mux.Server(tls.Server(c, serverConfig), h2mux.Config{})
			},
			// The second byte has room when the first has been read.
			func(peer net.Conn) error { _, err := peer.Write([]byte{22, 3}); return err },
		},
	} {
		for _, begun := range []bool{false, true} {
			a, b := faultconn.Pair(1)
			s, err := side.start(a)
			if err != nil {
				t.Fatal(err)
			}
			if begun {
				if err := side.begin(b); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Errorf("%s, begun %v: Close = %v", name, begun, err)
			}
			b.Close()
		}
	}
}

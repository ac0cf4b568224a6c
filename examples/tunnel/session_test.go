package main

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
	"github.com/headrace-go/headrace/mux/muxtest"
)

// TestSession holds the sessions that the tunnel uses, HTTP/2 over TLS whose
// records are merged below, to the contract of all sessions.
func TestSession(t *testing.T) {
	dir := keys(t)
	clientConfig, err := clientTLS(dir, protocolH2, false)
	if err != nil {
		t.Fatal(err)
	}
	serverConfig, err := serverTLS(dir, protocolH2, false)
	if err != nil {
		t.Fatal(err)
	}
	muxtest.TestSession(t, func(t *testing.T) (opener, accepter mux.Session) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		far := make(chan *h2mux.Session)
		go func() {
			defer close(far)
			c, err := ln.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			top, _, err := handshake(context.Background(), c, serverConfig, tls.Server)
			if err != nil {
				t.Error(err)
				return
			}
			s, err := h2mux.Server(top, h2mux.Config{MaxStreams: maxStreams})
			if err != nil {
				t.Error(err)
				return
			}
			far <- s
		}()
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		top, _, err := handshake(context.Background(), c, clientConfig, tls.Client)
		if err != nil {
			t.Fatal(err)
		}
		near, err := h2mux.Client(top, h2mux.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return near, <-far
	})
}

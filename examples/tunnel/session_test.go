package main

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
	"github.com/headrace-go/headrace/mux/muxtest"
	"github.com/headrace-go/headrace/vecio"
)

// An upgrade puts one side of TLS over a connection.
type upgrade func(ctx context.Context, raw net.Conn, config *tls.Config) (net.Conn, error)

// TestH2Session runs the sessions of transport h2 through mux's own suite, and
// the same over crypto/tls on a connection that coalesces.
func TestH2Session(t *testing.T) {
	dir := keys(t)
	clientConfig, err := clientTLS(dir, protocolH2, false)
	if err != nil {
		t.Fatal(err)
	}
	serverConfig, err := serverTLS(dir, protocolH2, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range []struct {
		name           string
		client, server upgrade
	}{
		{"tlsrecord", taken(tlsrecord.Client), taken(tlsrecord.Server)},
		{"coalesce", coalesced(tls.Client), coalesced(tls.Server)},
	} {
		t.Run(layer.name, func(t *testing.T) {
			muxtest.TestSession(t, func(t *testing.T) (opener, accepter mux.Session) {
				return h2Sessions(t, func(raw net.Conn) (net.Conn, error) {
					return layer.client(context.Background(), raw, clientConfig)
				}, func(raw net.Conn) (net.Conn, error) {
					return layer.server(context.Background(), raw, serverConfig)
				})
			})
		})
	}
}

func taken(side tlsSide) upgrade {
	return func(ctx context.Context, raw net.Conn, config *tls.Config) (net.Conn, error) {
		return handshake(ctx, raw, config, side)
	}
}

func coalesced(side func(net.Conn, *tls.Config) *tls.Conn) upgrade {
	return func(ctx context.Context, raw net.Conn, config *tls.Config) (net.Conn, error) {
		top := side(vecio.Coalesce(raw, vecio.CoalesceConfig{}), config)
		return top, top.HandshakeContext(ctx)
	}
}

// h2Sessions returns both sides of a session.
func h2Sessions(t *testing.T, client, server func(net.Conn) (net.Conn, error)) (near, far *h2mux.Session) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan *h2mux.Session)
	go func() {
		defer close(accepted)
		raw, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		c, err := server(raw)
		if err != nil {
			t.Error(err)
			return
		}
		s, err := h2mux.Server(c, h2mux.Config{MaxStreams: maxStreams})
		if err != nil {
			t.Error(err)
			return
		}
		accepted <- s
	}()
	raw, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := client(raw)
	if err != nil {
		t.Fatal(err)
	}
	near, err = h2mux.Client(c, h2mux.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return near, <-accepted
}

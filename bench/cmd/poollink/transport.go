package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/headrace-go/headrace/bench/internal/link"
	"github.com/headrace-go/headrace/internal/testcert"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
	"github.com/headrace-go/headrace/mux/quicmux"
	"github.com/headrace-go/headrace/vecio"
)

// maxStreams is how many streams a session may have.
const maxStreams = 2000

// A transport makes sessions over a link.
type transport struct {
	name string
	// listen takes sessions at the server's end, and returns where, and how to
	// dial one from the client's.
	listen func(ctx context.Context, l *link.Link, serve func(mux.Session)) (dial func(context.Context) (mux.Session, error), close func(), err error)
}

var transports = []transport{{"h2", listenH2}, {"quic", listenQUIC}}

func listenH2(ctx context.Context, l *link.Link, serve func(mux.Session)) (func(context.Context) (mux.Session, error), func(), error) {
	ln, err := l.Listen(ctx, link.Server, "tcp", netip.AddrPortFrom(l.Addr(link.Server), 0).String())
	if err != nil {
		return nil, nil, err
	}
	client, server := configs("h2")
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			accepting.Go(func() {
				top := tls.Server(vecio.Coalesce(c, vecio.CoalesceConfig{}), server)
				// Before the session: that holds back what it writes, and with it a
				// handshake.
				if err := top.Handshake(); err != nil {
					_ = c.Close()
					return
				}
				s, err := h2mux.Server(top, h2mux.Config{MaxStreams: maxStreams})
				if err == nil {
					serve(s)
				}
			})
		}
	})
	dial := func(ctx context.Context) (mux.Session, error) {
		c, err := l.Dial(ctx, link.Client, "tcp", ln.Addr().String())
		if err != nil {
			return nil, err
		}
		top := tls.Client(vecio.Coalesce(c, vecio.CoalesceConfig{}), client)
		if err := top.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		return h2mux.Client(top, h2mux.Config{})
	}
	return dial, func() { _ = ln.Close(); accepting.Wait() }, nil
}

func listenQUIC(ctx context.Context, l *link.Link, serve func(mux.Session)) (func(context.Context) (mux.Session, error), func(), error) {
	client, server := configs("pool")
	var ln *quicmux.Listener
	err := l.Do(link.Server, func() (err error) {
		ln, err = quicmux.Listen(netip.AddrPortFrom(l.Addr(link.Server), 0).String(), quicmux.Config{TLS: server, MaxStreams: maxStreams})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			s, err := ln.Accept(context.Background())
			if err != nil {
				return
			}
			accepting.Go(func() { serve(s) })
		}
	})
	dial := func(ctx context.Context) (s mux.Session, err error) {
		err = l.Do(link.Client, func() error {
			q, err := quicmux.Dial(ctx, ln.Addr().String(), quicmux.Config{TLS: client})
			if err == nil {
				s = q
			}
			return err
		})
		return s, err
	}
	return dial, func() { _ = ln.Close(); accepting.Wait() }, nil
}

// configs returns the TLS of both ends.
func configs(protocol string) (client, server *tls.Config) {
	id := credentials()
	return &tls.Config{RootCAs: id.Roots, ServerName: "test", NextProtos: []string{protocol}, DynamicRecordSizingDisabled: true},
		&tls.Config{Certificates: []tls.Certificate{id.Certificate}, NextProtos: []string{protocol}, DynamicRecordSizingDisabled: true}
}

// credentials are what both ends go by.
var credentials = sync.OnceValue(func() *testcert.Identity { return testcert.New("test") })

// The first byte of a stream says what the server is to do on it.
const (
	wantEcho = 'e' // send back what comes
	wantBulk = 'b' // send, without an end
)

// serve does what streams of s want, until s ends.
func serve(s mux.Session) {
	var streams sync.WaitGroup
	defer streams.Wait()
	defer s.Close()
	for {
		st, err := s.Accept(context.Background())
		if err != nil {
			return
		}
		streams.Go(func() { serveStream(st) })
	}
}

func serveStream(st net.Conn) {
	defer st.Close()
	var b [64]byte
	n, err := st.Read(b[:1])
	if err != nil || n == 0 {
		return
	}
	if b[0] == wantBulk {
		for payload := make([]byte, 64<<10); err == nil; {
			_, err = st.Write(payload)
		}
		return
	}
	for err == nil {
		if n, err = st.Read(b[:]); n > 0 {
			_, err = st.Write(b[:n])
		}
	}
}

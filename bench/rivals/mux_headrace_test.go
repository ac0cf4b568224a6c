package rivals

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
	"github.com/headrace-go/headrace/vecio"
)

// headraceMuxer is h2mux with its defaults.
var headraceMuxer = muxer{name: "headrace", connect: func(tb testing.TB, dial func() (net.Conn, net.Conn, error)) (session, session) {
	near, far := mustDial(tb, dial)
	client, err := h2mux.Client(near, h2mux.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	server, err := h2mux.Server(far, h2mux.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return headraceSession{client}, headraceSession{server}
}}

// dialMerged speaks TLS 1.3 over what merges its records, on both sides.
func dialMerged(clientConfig, serverConfig *tls.Config) (net.Conn, net.Conn, error) {
	rawClient, rawServer, err := dialTCP()
	if err != nil {
		return nil, nil, err
	}
	client := tls.Client(vecio.Coalesce(rawClient, vecio.CoalesceConfig{}), clientConfig)
	server := tls.Server(vecio.Coalesce(rawServer, vecio.CoalesceConfig{}), serverConfig)
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-shaken); err != nil {
		return nil, nil, errors.Join(err, client.Close(), server.Close())
	}
	return client, server, nil
}

type headraceSession struct{ mux.Session }

func (s headraceSession) open() (io.ReadWriteCloser, error) { return s.Open(context.Background()) }

func (s headraceSession) accept() (io.ReadWriteCloser, error) { return s.Accept(context.Background()) }

func (s headraceSession) close() error { return s.Close() }

// dialRecord speaks TLS 1.3 with records of our own, on both sides.
func dialRecord(clientConfig, serverConfig *tls.Config) (net.Conn, net.Conn, error) {
	rawClient, rawServer, err := dialTCP()
	if err != nil {
		return nil, nil, err
	}
	type result struct {
		c   *tlsrecord.Conn
		err error
	}
	shaken := make(chan result, 1)
	go func() {
		c, err := tlsrecord.Server(context.Background(), rawServer, serverConfig, tlsrecord.Config{})
		shaken <- result{c, err}
	}()
	client, err := tlsrecord.Client(context.Background(), rawClient, clientConfig, tlsrecord.Config{})
	r := <-shaken
	if err := errors.Join(err, r.err); err != nil {
		return nil, nil, err
	}
	return client, r.c, nil
}

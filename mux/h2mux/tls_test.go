package h2mux_test

import (
	"crypto/tls"
	"net"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/testcert"
)

var certificate = sync.OnceValue(func() *testcert.Identity { return testcert.New("h2mux") })

// configsTLS returns the two sides of a connection that trust each other.
func configsTLS(t testing.TB) (client, server *tls.Config) {
	t.Helper()
	id := certificate()
	client = &tls.Config{RootCAs: id.Roots, ServerName: "h2mux", MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}}
	server = &tls.Config{Certificates: []tls.Certificate{id.Certificate}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}}
	return client, server
}

func dialTLS(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	a, b := faultconn.Sockets(t, "tcp")
	return shake(t, a, b)
}

// shake speaks TLS 1.3 over a and b.
func shake(t testing.TB, a, b net.Conn) (net.Conn, net.Conn) {
	t.Helper()
	clientConfig, serverConfig := configsTLS(t)
	client, server := tls.Client(a, clientConfig), tls.Server(b, serverConfig)
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return client, server
}

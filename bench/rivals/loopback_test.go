package rivals

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/internal/testcert"
)

// A dialer makes connections over loopback. Dial returns the two ends of a new
// connection, ready to use.
type dialer struct {
	name string
	dial func() (client, server net.Conn, err error)
}

// dialers returns the transports under test.
func dialers(tb testing.TB) []dialer {
	return []dialer{{"tcp", dialTCP}, {"tls", func() (net.Conn, net.Conn, error) { return dialTLS(tlsConfigs(tb)) }}}
}

func dialTCP() (client, server net.Conn, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	client, err = net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	server, err = listener.Accept()
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return client, server, nil
}

// dialTLS speaks TLS 1.3 over TCP.
func dialTLS(clientConfig, serverConfig *tls.Config) (net.Conn, net.Conn, error) {
	rawClient, rawServer, err := dialTCP()
	if err != nil {
		return nil, nil, err
	}
	client, server := tls.Client(rawClient, clientConfig), tls.Server(rawServer, serverConfig)
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-shaken); err != nil {
		return nil, nil, errors.Join(err, rawClient.Close(), rawServer.Close())
	}
	return client, server, nil
}

// mustDial is dial for tests, which closes both ends with the test.
func mustDial(tb testing.TB, dial func() (net.Conn, net.Conn, error)) (client, server net.Conn) {
	tb.Helper()
	client, server, err := dial()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, server
}

var certificate = sync.OnceValue(func() *testcert.Identity { return testcert.New("rivals") })

// tlsConfigs returns the two sides of a connection that trust each other.
func tlsConfigs(tb testing.TB) (client, server *tls.Config) {
	tb.Helper()
	id := certificate()
	client = &tls.Config{RootCAs: id.Roots, ServerName: "rivals", MinVersion: tls.VersionTLS13, NextProtos: []string{"rivals"}}
	server = &tls.Config{Certificates: []tls.Certificate{id.Certificate}, MinVersion: tls.VersionTLS13, NextProtos: []string{"rivals"}}
	return client, server
}

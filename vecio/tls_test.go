package vecio_test

import (
	"crypto/tls"
	"net"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/testcert"
	"github.com/headrace-go/headrace/vecio"
)

const tlsName = "headrace.test"

// tlsConfigs returns the configurations of a server and of a client that
// trusts it, of one version of TLS. They are made once.
func tlsConfigs(t testing.TB, version uint16) (server, client *tls.Config) {
	t.Helper()
	id := tlsIdentity()
	server = &tls.Config{
		Certificates: []tls.Certificate{id.Certificate},
		MinVersion:   version, MaxVersion: version,
		DynamicRecordSizingDisabled: true,
	}
	client = &tls.Config{
		RootCAs: id.Roots, ServerName: tlsName,
		MinVersion: version, MaxVersion: version,
		DynamicRecordSizingDisabled: true,
		ClientSessionCache:          tls.NewLRUClientSessionCache(1), // else there are no tickets
	}
	return server, client
}

var tlsIdentity = sync.OnceValue(func() *testcert.Identity { return testcert.New(tlsName) })

// A tlsEnd is one end of a TLS connection: all its layers.
type tlsEnd struct {
	net.Conn // the outermost
	top      *tls.Conn
	under    *vecio.CoalesceConn // nil: there is none
	raw      net.Conn
}

// bareEnd is crypto/tls alone.
func bareEnd(raw net.Conn, wrap func(net.Conn) *tls.Conn) *tlsEnd {
	top := wrap(raw)
	return &tlsEnd{Conn: top, top: top, raw: raw}
}

// layeredEnd is crypto/tls as this package has it.
func layeredEnd(raw net.Conn, wrap func(net.Conn) *tls.Conn) *tlsEnd {
	under := vecio.Coalesce(raw, vecio.CoalesceConfig{})
	top := wrap(under)
	return &tlsEnd{Conn: vecio.Layered(top, under), top: top, under: under, raw: raw}
}

type endMaker func(net.Conn, func(net.Conn) *tls.Conn) *tlsEnd

// tlsPair returns the two ends of a TLS connection over a and b, with the
// handshake over.
func tlsPair(t testing.TB, a, b net.Conn, makeClient, makeServer endMaker, version uint16) (client, server *tlsEnd) {
	t.Helper()
	serverConfig, clientConfig := tlsConfigs(t, version)
	client = makeClient(a, func(c net.Conn) *tls.Conn { return tls.Client(c, clientConfig) })
	server = makeServer(b, func(c net.Conn) *tls.Conn { return tls.Server(c, serverConfig) })
	shaken := make(chan error, 1)
	go func() { shaken <- client.top.Handshake() }()
	if err := server.top.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return client, server
}

// tcpPair is tlsPair over TCP.
func tcpPair(t testing.TB, makeClient, makeServer endMaker, version uint16) (client, server *tlsEnd) {
	t.Helper()
	a, b := faultconn.Sockets(t, "tcp")
	return tlsPair(t, a, b, makeClient, makeServer, version)
}

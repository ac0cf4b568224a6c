package h2mux_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/headrace-go/headrace/internal/faultconn"
)

var certificate = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "h2mux"},
		DNSNames:     []string{"h2mux"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
})

// configsTLS returns the two sides of a connection that trust each other.
func configsTLS(t testing.TB) (client, server *tls.Config) {
	t.Helper()
	cert, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	client = &tls.Config{RootCAs: roots, ServerName: "h2mux", MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}}
	server = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}}
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

package proxytest

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/certificate"
	"github.com/headrace-go/headrace/internal/testcert"
)

// Sides are the two of a protocol under TLS that looks like a web server's.
type Sides struct {
	Name     string // what the server's certificate is for
	Password string
}

// Server starts a server, and returns it with the file of its certificate.
func (s Sides) Server(t testing.TB, args ...string) (server *Program, ca string) {
	t.Helper()
	ca = filepath.Join(t.TempDir(), "ca.pem")
	return Start(t, append([]string{
		"server", "-listen", "127.0.0.1:0", "-password", s.Password, "-selfsigned", s.Name, "-cert", ca,
	}, args...)...), ca
}

// Client starts a client of the server at an address.
func (s Sides) Client(t testing.TB, server, ca string, args ...string) *Program {
	t.Helper()
	return Start(t, append([]string{
		"client", "-listen", "127.0.0.1:0", "-password", s.Password, "-server", server, "-ca", ca, "-name", s.Name,
	}, args...)...)
}

// Identity returns the files of a certificate and its key, for whoever does not
// make one on the spot.
func (s Sides) Identity(t testing.TB) (cert, key string) {
	t.Helper()
	cert, key, err := testcert.New(s.Name).Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// Visitor is the TLS of somebody who trusts the server and is no client.
func (s Sides) Visitor(t testing.TB, ca string) *tls.Config {
	t.Helper()
	roots, err := certificate.Authorities(ca)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{RootCAs: roots, ServerName: s.Name}
}

// WebServer runs a web server without TLS, which says what it was asked for,
// until the test ends.
func WebServer(t testing.TB) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s, %d bytes", r.Method, r.URL, len(body))
	}))
	t.Cleanup(s.Close)
	return s
}

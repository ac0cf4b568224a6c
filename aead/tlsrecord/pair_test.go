package tlsrecord_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"io"
	mathrand "math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/testcert"
)

// identity is a certificate that all tests share, and who trusts it.
var identity = sync.OnceValue(func() *testcert.Identity {
	return testcert.New("localhost", "secret.example", "public.example")
})

// configs returns Configs for both sides that trust each other.
func configs() (client, server *tls.Config) {
	id := identity()
	return &tls.Config{RootCAs: id.Roots, ServerName: "localhost"},
		&tls.Config{Certificates: []tls.Certificate{id.Certificate}, ClientCAs: id.Roots}
}

// A conn is what a *Conn and a *tls.Conn have in common.
type conn interface {
	net.Conn
	CloseWrite() error
	ConnectionState() tls.ConnectionState
}

// A maker makes one side of a connection.
type maker func(ctx context.Context, raw net.Conn, config *tls.Config) (conn, error)

// std makes crypto/tls's connections.
func std(side func(net.Conn, *tls.Config) *tls.Conn) maker {
	return func(ctx context.Context, raw net.Conn, config *tls.Config) (conn, error) {
		c := side(raw, config)
		return c, c.HandshakeContext(ctx)
	}
}

// ours makes this package's.
func ours(side func(context.Context, net.Conn, *tls.Config, tlsrecord.Config) (*tlsrecord.Conn, error), cfg tlsrecord.Config) maker {
	return func(ctx context.Context, raw net.Conn, config *tls.Config) (conn, error) {
		c, err := side(ctx, raw, config, cfg)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
}

var (
	stdClient  = std(tls.Client)
	stdServer  = std(tls.Server)
	ourClient  = ours(tlsrecord.Client, tlsrecord.Config{})
	ourServer  = ours(tlsrecord.Server, tlsrecord.Config{})
	withClient = func(cfg tlsrecord.Config) maker { return ours(tlsrecord.Client, cfg) }
	withServer = func(cfg tlsrecord.Config) maker { return ours(tlsrecord.Server, cfg) }
)

// couplings are who talks to whom: at least one of them is ours.
var couplings = []struct {
	name           string
	client, server maker
}{
	{"client", ourClient, stdServer},
	{"server", stdClient, ourServer},
	{"both", ourClient, ourServer},
}

// eachCoupling runs a test for all of them.
func eachCoupling(t *testing.T, f func(t *testing.T, client, server maker)) {
	for _, c := range couplings {
		t.Run(c.name, func(t *testing.T) { f(t, c.client, c.server) })
	}
}

// shake makes both sides of a connection, over a and b.
func shake(t testing.TB, a, b net.Conn, client, server maker, cc, sc *tls.Config) (c, s conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var serr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		s, serr = server(ctx, b, sc)
	}()
	c, cerr := client(ctx, a, cc)
	<-done
	if cerr != nil || serr != nil {
		t.Fatalf("handshake: client: %v, server: %v", cerr, serr)
	}
	t.Cleanup(func() {
		a.Close()
		b.Close()
		c.Close()
		s.Close()
	})
	return c, s
}

// connect is shake over TCP.
func connect(t testing.TB, client, server maker, cc, sc *tls.Config) (c, s conn) {
	t.Helper()
	a, b := faultconn.Sockets(t, "tcp")
	return shake(t, a, b, client, server, cc, sc)
}

// taken checks that those which are ours took their records over.
func taken(t testing.TB, conns ...conn) {
	t.Helper()
	for _, c := range conns {
		if c, ok := c.(*tlsrecord.Conn); ok && (!c.Explain().Taken || c.CannotStep() != "") {
			t.Fatalf("not taken over: %v", c.Explain())
		}
	}
}

// transfer sends n bytes, in writes and reads of all sizes, and compares their
// checksums.
func transfer(t testing.TB, from io.Writer, to io.Reader, n int) {
	t.Helper()
	rng := mathrand.New(mathrand.NewPCG(uint64(n), 1))
	sent := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(sent[i:], rng.Uint64())
	}
	sent = sent[:n]
	written := make(chan error, 1)
	go func() {
		for p := sent; len(p) > 0; {
			k := min(len(p), 1+rng.IntN(200_000))
			if _, err := from.Write(p[:k]); err != nil {
				written <- err
				return
			}
			p = p[k:]
		}
		written <- nil
	}()
	sizes := mathrand.New(mathrand.NewPCG(uint64(n), 2))
	sum := sha256.New()
	buf := make([]byte, 100_000)
	for got := 0; got < n; {
		k, err := to.Read(buf[:min(n-got, 1+sizes.IntN(len(buf)))])
		sum.Write(buf[:k])
		if got += k; err != nil && got < n {
			t.Fatalf("read after %d of %d bytes: %v", got, n, err)
		}
	}
	if err := <-written; err != nil {
		t.Fatalf("write: %v", err)
	}
	if [32]byte(sum.Sum(nil)) != sha256.Sum256(sent) {
		t.Fatal("the bytes have changed on their way")
	}
}

// bothWays is transfer there and back.
func bothWays(t testing.TB, a, b conn, n int) {
	t.Helper()
	transfer(t, a, b, n)
	transfer(t, b, a, n)
}

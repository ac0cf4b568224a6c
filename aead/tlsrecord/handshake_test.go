package tlsrecord_test

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/faultconn"
)

func TestClientCertificate(t *testing.T) {
	eachCoupling(t, func(t *testing.T, client, server maker) {
		for _, noTickets := range []bool{false, true} {
			cc, sc := configs()
			cc.Certificates = sc.Certificates
			cc.ClientSessionCache = tls.NewLRUClientSessionCache(4)
			sc.ClientAuth = tls.RequireAndVerifyClientCert
			sc.SessionTicketsDisabled = noTickets
			for i := range 3 {
				c, s := connect(t, client, server, cc, sc)
				taken(t, c, s)
				bothWays(t, c, s, 100_000)
				if len(s.ConnectionState().PeerCertificates) != 1 {
					t.Fatal("the server has seen no certificate")
				}
				if got, want := s.ConnectionState().DidResume, i > 0 && !noTickets; got != want {
					t.Fatalf("connection %d: resumed: %v, want %v", i, got, want)
				}
			}
		}
	})
}

// A ticket that holds a long chain of certificates takes several records: the
// first number of what the server writes then is not 1.
func TestTicketOfSeveralRecords(t *testing.T) {
	cc, sc := configs()
	cert := sc.Certificates[0]
	for len(cert.Certificate) < 80 {
		cert.Certificate = append(cert.Certificate, cert.Certificate[0])
	}
	cc.Certificates = []tls.Certificate{cert}
	cc.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	sc.ClientAuth = tls.RequireAnyClientCert
	for i := range 2 {
		c, s := connect(t, ourClient, ourServer, cc, sc)
		taken(t, c, s)
		bothWays(t, c, s, 100_000)
		if got := s.ConnectionState().DidResume; got != (i > 0) {
			t.Fatalf("connection %d: resumed: %v", i, got)
		}
	}
}

func TestHelloRetryRequest(t *testing.T) {
	eachCoupling(t, func(t *testing.T, client, server maker) {
		cc, sc := configs()
		cc.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
		sc.CurvePreferences = []tls.CurveID{tls.CurveP256}
		c, s := connect(t, client, server, cc, sc)
		taken(t, c, s)
		if !c.ConnectionState().HelloRetryRequest {
			t.Fatal("no HelloRetryRequest")
		}
		bothWays(t, c, s, 100_000)
	})
}

// echConfig returns a list of one ECH configuration, and its key.
func echConfig(t *testing.T) (list []byte, key tls.EncryptedClientHelloKey) {
	t.Helper()
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	be16 := binary.BigEndian.AppendUint16
	const name = "public.example"
	contents := be16([]byte{7}, 0x20) // id; DHKEM(X25519, HKDF-SHA256)
	contents = append(be16(contents, 32), private.PublicKey().Bytes()...)
	contents = be16(be16(be16(contents, 4), 1), 1) // HKDF-SHA256, AES-128-GCM
	contents = append(append(contents, 32, byte(len(name))), name...)
	contents = be16(contents, 0) // no extensions
	config := append(be16(be16(nil, 0xfe0d), uint16(len(contents))), contents...)
	return append(be16(nil, uint16(len(config))), config...),
		tls.EncryptedClientHelloKey{Config: config, PrivateKey: private.Bytes(), SendAsRetry: true}
}

func TestECH(t *testing.T) {
	list, key := echConfig(t)
	eachCoupling(t, func(t *testing.T, client, server maker) {
		cc, sc := configs()
		cc.ServerName = "secret.example"
		cc.EncryptedClientHelloConfigList = list
		cc.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		sc.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{key}
		for i := range 3 {
			c, s := connect(t, client, server, cc, sc)
			taken(t, c, s)
			if state := c.ConnectionState(); !state.ECHAccepted || state.DidResume != (i > 0) {
				t.Fatalf("connection %d: ECH accepted: %v, resumed: %v", i, state.ECHAccepted, state.DidResume)
			}
			bothWays(t, c, s, 100_000)
		}
	})
}

func TestECHRejected(t *testing.T) {
	list, _ := echConfig(t)
	_, key := echConfig(t)
	cc, sc := configs()
	cc.ServerName, cc.EncryptedClientHelloConfigList = "secret.example", list
	sc.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{key}
	a, b := faultconn.Sockets(t, "tcp")
	go func() { _, _ = tlsrecord.Server(t.Context(), b, sc, tlsrecord.Config{}) }()
	_, err := tlsrecord.Client(t.Context(), a, cc, tlsrecord.Config{})
	if rejected, ok := errors.AsType[*tls.ECHRejectionError](err); !ok || len(rejected.RetryConfigList) == 0 {
		t.Fatalf("Client = %v, want a rejection with a list to retry", err)
	}
}

// What the caller's functions are told of is the connection that it has given.
func TestHelloHasCallersConn(t *testing.T) {
	cc, sc := configs()
	a, b := faultconn.Sockets(t, "tcp")
	calls := make(map[string]int)
	check := func(name string, hello *tls.ClientHelloInfo) {
		if calls[name]++; hello.Conn != b {
			t.Errorf("%s: the ClientHello's Conn is a %T, want the caller's", name, hello.Conn)
		}
	}
	chosen := sc.Clone()
	chosen.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		check("GetCertificate", hello)
		return &sc.Certificates[0], nil
	}
	chosen.Certificates = nil
	base := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		check("GetConfigForClient", hello)
		return chosen, nil
	}}
	list, key := echConfig(t)
	cc.EncryptedClientHelloConfigList = list
	base.GetEncryptedClientHelloKeys = func(hello *tls.ClientHelloInfo) ([]tls.EncryptedClientHelloKey, error) {
		check("GetEncryptedClientHelloKeys", hello)
		return []tls.EncryptedClientHelloKey{key}, nil
	}
	c, s := shake(t, a, b, ourClient, ourServer, cc, base)
	taken(t, c, s)
	bothWays(t, c, s, 1000)
	for _, name := range []string{"GetCertificate", "GetConfigForClient", "GetEncryptedClientHelloKeys"} {
		if calls[name] == 0 {
			t.Errorf("%s was not called", name)
		}
	}
}

// A Config that the caller chooses for a client may make everything different.
func TestConfigForClient(t *testing.T) {
	cc, sc := configs()
	cc.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	base := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return sc, nil }}
	for i := range 3 {
		c, s := connect(t, stdClient, ourServer, cc, base)
		taken(t, s)
		bothWays(t, c, s, 1000)
		if s.ConnectionState().DidResume != (i > 0) {
			t.Fatalf("connection %d: resumed: %v", i, s.ConnectionState().DidResume)
		}
	}
	refused := errors.New("not you")
	base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, refused }
	a, b := faultconn.Sockets(t, "tcp")
	go func() { _ = tls.Client(a, cc).Handshake() }()
	if _, err := tlsrecord.Server(t.Context(), b, base, tlsrecord.Config{}); !errors.Is(err, refused) {
		t.Fatalf("Server = %v, want the caller's error", err)
	}
	base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }
	base.Certificates = sc.Certificates
	c, s := connect(t, stdClient, ourServer, cc, base)
	taken(t, s)
	bothWays(t, c, s, 1000)
}

// Keys for tickets that the caller sets are heeded by the next handshake, also
// where it chooses another Config for the client.
func TestTicketKeyRotation(t *testing.T) {
	for _, choose := range []bool{false, true} {
		cc, sc := configs()
		cc.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		if choose {
			inner := sc.Clone()
			sc.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return inner, nil }
		}
		one, two := [32]byte{1}, [32]byte{2}
		sc.SetSessionTicketKeys([][32]byte{one})
		for i, want := range []bool{false, true, true, false, true} {
			switch i {
			case 2:
				sc.SetSessionTicketKeys([][32]byte{two, one})
			case 3:
				sc.SetSessionTicketKeys([][32]byte{one})
			}
			c, s := connect(t, ourClient, ourServer, cc, sc)
			taken(t, c, s)
			bothWays(t, c, s, 1000)
			if got := s.ConnectionState().DidResume; got != want {
				t.Fatalf("choose %v, connection %d: resumed: %v, want %v", choose, i, got, want)
			}
		}
	}
}

// Keys that a Config makes itself belong to it, and not to a connection: what
// one server has sealed, others with the same Config open, crypto/tls's too.
func TestAutomaticTicketKeys(t *testing.T) {
	cc, sc := configs()
	cc.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	for i, server := range []maker{ourServer, ourServer, stdServer, ourServer} {
		c, s := connect(t, ourClient, server, cc, sc)
		bothWays(t, c, s, 1000)
		if got := s.ConnectionState().DidResume; got != (i > 0) {
			t.Fatalf("connection %d: resumed: %v", i, got)
		}
	}
}

// A KeyLogWriter of the caller's gets what crypto/tls would tell it, of each
// side the same.
func TestKeyLogWriter(t *testing.T) {
	logOf := func(client, server maker) (clientLog, serverLog string) {
		cc, sc := configs()
		var cl, sl logBuffer
		cc.KeyLogWriter, sc.KeyLogWriter = &cl, &sl
		c, s := connect(t, client, server, cc, sc)
		bothWays(t, c, s, 1000)
		return cl.String(), sl.String()
	}
	eachCoupling(t, func(t *testing.T, client, server maker) {
		cl, sl := logOf(client, server)
		stdLog, _ := logOf(stdClient, stdServer)
		if cl != sl {
			t.Fatalf("the sides tell different secrets:\n%s\n%s", cl, sl)
		}
		if labels(cl) != labels(stdLog) {
			t.Fatalf("labels = %s, want %s", labels(cl), labels(stdLog))
		}
		if strings.Contains(cl, "\x00") {
			t.Fatal("a line was wiped before it was told")
		}
	})
}

// labels are the first words of a key log, and how long its lines are.
func labels(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		label, _, _ := strings.Cut(line, " ")
		b.WriteString(label + " " + strings.Repeat(".", len(line)) + "\n")
	}
	return b.String()
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A KeyLogWriter that fails ends the handshake, as it does with crypto/tls.
func TestKeyLogWriterFails(t *testing.T) {
	cc, sc := configs()
	full := errors.New("disk full")
	cc.KeyLogWriter = failingWriter{full}
	a, b := faultconn.Sockets(t, "tcp")
	go func() { _, _ = tlsrecord.Server(t.Context(), b, sc, tlsrecord.Config{}) }()
	if _, err := tlsrecord.Client(t.Context(), a, cc, tlsrecord.Config{}); !errors.Is(err, full) {
		t.Fatalf("Client = %v, want the writer's error", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// What the client sends right behind its handshake lies with the server's
// handshake when that ends.
func TestBytesBehindTheHandshake(t *testing.T) {
	cc, sc := configs()
	for range 20 {
		a, b := faultconn.Pair(0)
		sent := make(chan error, 1)
		go func() {
			c := tls.Client(a, cc)
			_, err := c.Write([]byte("hello"))
			sent <- errors.Join(err, c.CloseWrite())
		}()
		s, err := tlsrecord.Server(t.Context(), &slowStart{Conn: b}, sc, tlsrecord.Config{})
		if err != nil {
			t.Fatal(err)
		}
		taken(t, s)
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(s); err != nil || string(got) != "hello" {
			t.Fatalf("read %q, %v", got, err)
		}
		a.Close()
		s.Close()
	}
}

// slowStart reads nothing until a whole flight is there.
type slowStart struct{ net.Conn }

func (c *slowStart) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:1])
	for n < len(p) && err == nil {
		_ = c.Conn.SetReadDeadline(soon())
		var k int
		k, err = c.Conn.Read(p[n:])
		n += k
		_ = c.Conn.SetReadDeadline(never)
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

// A context that ends ends the handshake, closes the connection, and has no
// effect on a connection that is made.
func TestContext(t *testing.T) {
	cc, sc := configs()
	a, b := faultconn.Sockets(t, "tcp")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := tlsrecord.Client(ctx, a, cc, tlsrecord.Config{})
		done <- err
	}()
	if _, err := b.Read(make([]byte, 1)); err != nil { // the ClientHello
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("Client = %v, want context.Canceled", err)
	}
	if err := a.Close(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("Close = %v: the connection was still open", err)
	}

	a, b = faultconn.Sockets(t, "tcp")
	ctx, cancel = context.WithCancel(t.Context())
	within := func(side maker) maker {
		return func(_ context.Context, raw net.Conn, config *tls.Config) (conn, error) { return side(ctx, raw, config) }
	}
	c, s := shake(t, a, b, within(ourClient), within(ourServer), cc, sc)
	cancel()
	bothWays(t, c, s, 1000)
}

// Who does not speak TLS is told so, and the connection is the caller's.
func TestNotTLS(t *testing.T) {
	_, sc := configs()
	a, b := faultconn.Sockets(t, "tcp")
	if _, err := a.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_, err := tlsrecord.Server(t.Context(), b, sc, tlsrecord.Config{})
	header, ok := errors.AsType[tls.RecordHeaderError](err)
	if !ok || header.Conn != b || string(header.RecordHeader[:]) != "GET /" {
		t.Fatalf("Server = %#v, want a RecordHeaderError with the caller's connection", err)
	}
	if _, err := b.Write([]byte("no")); err != nil {
		t.Fatalf("the connection cannot be used: %v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	a, _ := faultconn.Pair(0)
	for _, cfg := range []tlsrecord.Config{{MaxBurst: 1}, {MaxBurst: -1}, {Batch: 100}, {Batch: -16 << 10}, {SmallFirst: -1}} {
		if _, err := tlsrecord.Client(t.Context(), a, nil, cfg); !errors.Is(err, tlsrecord.ErrConfig) {
			t.Errorf("Client with %+v: %v, want ErrConfig", cfg, err)
		}
		if _, err := tlsrecord.Server(t.Context(), a, nil, cfg); !errors.Is(err, tlsrecord.ErrConfig) {
			t.Errorf("Server with %+v: %v, want ErrConfig", cfg, err)
		}
	}
}

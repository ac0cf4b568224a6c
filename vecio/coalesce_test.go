package vecio_test

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/vecio"
)

// record returns a record with a body of n bytes.
func record(n int) []byte {
	b := random(5+n, uint64(n))
	b[0] = 23
	binary.BigEndian.PutUint16(b[3:], uint16(n))
	return b
}

func TestDetach(t *testing.T) {
	for _, network := range []string{"tcp", "memory"} {
		var a, b net.Conn
		if network == "memory" {
			a, b = faultconn.Pair(0)
		} else {
			a, b = faultconn.Sockets(t, network)
		}
		c := vecio.Coalesce(b, vecio.CoalesceConfig{})
		rec := record(100)
		const next = "not a record at all"
		a.Write(append(rec, next...))
		buf := make([]byte, len(rec))
		for i := range rec {
			if i > 0 {
				if _, _, err := c.Detach(); err != vecio.ErrMidRecord {
					t.Fatalf("%s: Detach after %d bytes: %v, want ErrMidRecord", network, i, err)
				}
			}
			if _, err := io.ReadFull(c, buf[:1]); err != nil || buf[0] != rec[i] {
				t.Fatal(err)
			}
		}
		c.Cork()
		c.Write([]byte("held"))
		raw, unread, err := c.Detach()
		if raw != b || err != nil {
			t.Fatalf("%s: Detach = %v, %q, %v", network, raw, unread, err)
		}
		if _, err := io.ReadFull(a, buf[:4]); err != nil || string(buf[:4]) != "held" {
			t.Errorf("%s: what was held: %q, %v", network, buf[:4], err)
		}
		if _, err := c.Read(buf); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read: %v, want net.ErrClosed", err)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Close: %v, want net.ErrClosed", err)
		}
		if _, _, err := c.Detach(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Detach: %v, want net.ErrClosed", err)
		}
		rest := vecio.Prefixed(raw, unread)
		if _, err := io.ReadFull(rest, buf[:len(next)]); err != nil || string(buf[:len(next)]) != next {
			t.Errorf("%s: behind the record: %q, %v, want %q", network, buf[:len(next)], err, next)
		}
		if _, err := raw.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		raw.Close()
	}
}

// TestDetachAfterTLS leaves TLS in both directions right behind a handshake and
// one record each, as the protocols do that borrow its looks.
func TestDetachAfterTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := tcpPair(t, layeredEnd, layeredEnd, version)
		const msg, plain = "the last of TLS", "the first without"
		client.Write([]byte(msg))
		client.raw.Write([]byte(plain)) // as if it were detached
		buf := make([]byte, len(msg))
		if _, err := io.ReadFull(server, buf); err != nil {
			t.Fatal(err)
		}
		raw, unread, err := server.under.Detach()
		if err != nil {
			t.Fatal(err)
		}
		buf = make([]byte, len(plain))
		if _, err := io.ReadFull(vecio.Prefixed(raw, unread), buf); err != nil || string(buf) != plain {
			t.Fatalf("after TLS: %q, %v", buf, err)
		}
	}
}

func TestCoalescePanics(t *testing.T) {
	a, _ := faultconn.Pair(0)
	for name, f := range map[string]func(){
		"Uncork without Cork": func() { vecio.Coalesce(a, vecio.CoalesceConfig{}).Uncork() },
		"ReadAhead":           func() { vecio.Coalesce(a, vecio.CoalesceConfig{ReadAhead: 1000}) },
		"SmallFirst":          func() { vecio.Coalesce(a, vecio.CoalesceConfig{SmallFirst: -1}) },
		"Batch":               func() { vecio.Coalesce(a, vecio.CoalesceConfig{Batch: -1}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// TestNotTLSIsAnswered: who speaks something else to a TLS server is told so, on
// the connection that crypto/tls gives back for it.
func TestNotTLSIsAnswered(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	config, _ := tlsConfigs(t, tls.VersionTLS13)
	c := layeredEnd(b, func(c net.Conn) *tls.Conn { return tls.Server(c, config) })
	if _, err := io.WriteString(a, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	err := c.top.Handshake()
	other, ok := errors.AsType[tls.RecordHeaderError](err)
	if !ok || other.Conn != c.under || string(other.RecordHeader[:]) != "GET /" {
		t.Fatalf("Handshake: %v, want a RecordHeaderError", err)
	}
	const answer = "HTTP/1.0 400 Bad Request\r\n\r\n"
	if _, err := io.WriteString(other.Conn, answer); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(answer))
	if _, err := io.ReadFull(a, got); err != nil || string(got) != answer {
		t.Errorf("read %q, %v", got, err)
	}
}

package ss_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/examples/internal/ss"
	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/vecio"
)

func tcpPair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), d.Close() })
	return c.(*net.TCPConn), d.(*net.TCPConn)
}

// forgeries are chunks that do not open, sealed as the third of a stream.
var forgeries = []struct {
	name  string
	chunk func(d *direction) []byte
	want  error
}{
	{"altered length", func(d *direction) []byte { return flip(d.seal([]byte("forged"), 6), 0) }, aead.ErrOpen},
	{"altered payload", func(d *direction) []byte { return flip(d.seal([]byte("forged"), 6), 20) }, aead.ErrOpen},
	{"oversized length", func(d *direction) []byte { return d.seal([]byte("forged"), 0x4000) }, aead.ErrTooLong},
}

func flip(b []byte, i int) []byte { b[i] ^= 1; return b }

// A client whose stream turns out to be forged cannot tell: it can send more
// than any buffer holds, is served on, and then hangs up undisturbed. The target
// gets what was authentic, and no clean end.
func TestForgedMidway(t *testing.T) {
	for _, tt := range forgeries {
		t.Run(tt.name, func(t *testing.T) { forgedMidway(t, tt.chunk, tt.want, nil) })
		t.Run(tt.name+" while parked", func(t *testing.T) {
			parker, err := vecio.NewParker()
			if err != nil {
				t.Fatal(err)
			}
			forgedMidway(t, tt.chunk, tt.want, parker)
			if err := parker.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func forgedMidway(t *testing.T, forge func(*direction) []byte, want error, parker *vecio.Parker) {
	const method = "aes-256-gcm"
	k, tw := key(t, method, testPassword), newTwin(method, testPassword)
	client, clientSide := tcpPair(t)
	targetSide, target := tcpPair(t)
	d := tw.direction(t, salt(0))
	header := testDest.Append(nil)
	wire := append(salt(0), d.seal(header, len(header))...)
	wire = append(wire, d.seal(testFirst, len(testFirst))...)
	if _, err := client.Write(wire); err != nil {
		t.Fatal(err)
	}
	stream, _, err := k.Accept(clientSide, new(ss.Salts))
	if err != nil {
		t.Fatal(err)
	}
	cfg := vecio.RelayConfig{Parker: parker, ParkAfter: time.Millisecond}
	ended := make(chan error, 1)
	if err := vecio.Start(t.Context(), stream, targetSide, cfg, func(_ vecio.RelayStats, err error) {
		ended <- err
	}); err != nil {
		t.Fatal(err)
	}

	got := make([]byte, len(testFirst))
	if _, err := io.ReadFull(target, got); err != nil || !bytes.Equal(got, testFirst) {
		t.Fatalf("the target got %q, %v, want %q", got, err, testFirst)
	}
	if parker != nil {
		await.Until(t, "the relay is parked", func() bool { return parker.Stats().Watched == 2 })
	}
	if _, err := client.Write(forge(d)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write(make([]byte, 32<<20)); err != nil {
		t.Fatalf("the server does not read on: %v", err)
	}
	if _, err := io.WriteString(target, "answer"); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 32)
	if _, err := io.ReadFull(client, answer); err != nil {
		t.Fatal(err)
	}
	if got, err := tw.direction(t, answer).open(client); err != nil || string(got) != "answer" {
		t.Fatalf("the client got %q, %v, want %q", got, err, "answer")
	}

	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, client); n != 0 || err != nil {
		t.Errorf("hanging up, the client reads %d bytes, %v, want a clean end", n, err)
	}
	if n, err := io.Copy(io.Discard, target); n != 0 || err == nil {
		t.Errorf("the target reads %d bytes more, and no error", n)
	}
	if err := <-ended; !errors.Is(err, want) {
		t.Errorf("the relay ended with %v, want %v", err, want)
	}
	if err := stream.Failure(); !errors.Is(err, want) {
		t.Errorf("Failure() = %v, want %v", err, want)
	}
}

// The same holds for who reads by Read or WriteTo.
func TestForgedRead(t *testing.T) {
	k, tw := key(t, methods[1], testPassword), newTwin(methods[1], testPassword)
	for name, read := range map[string]func(*ss.Conn) ([]byte, error){
		"Read": func(c *ss.Conn) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{c}) },
		"WriteTo": func(c *ss.Conn) ([]byte, error) {
			var b bytes.Buffer
			_, err := c.WriteTo(&b)
			return b.Bytes(), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, clientSide := tcpPair(t)
			d := tw.direction(t, salt(0))
			header := append(testDest.Append(nil), testFirst...)
			wire := append(salt(0), d.seal(header, len(header))...)
			wire = append(wire, flip(d.seal(testFirst, len(testFirst)), 3)...)
			if _, err := client.Write(wire); err != nil {
				t.Fatal(err)
			}
			stream, _, err := k.Accept(clientSide, new(ss.Salts))
			if err != nil {
				t.Fatal(err)
			}
			sent := make(chan error, 1)
			go func() {
				_, err := client.Write(make([]byte, 32<<20))
				sent <- errors.Join(err, client.CloseWrite())
			}()
			got, err := read(stream)
			if !bytes.Equal(got, testFirst) || !errors.Is(err, aead.ErrOpen) {
				t.Errorf("read %q, %v, want %q, %v", got, err, testFirst, aead.ErrOpen)
			}
			if err := <-sent; err != nil {
				t.Errorf("the server does not read on: %v", err)
			}
			if err := stream.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A stream that was cut short, and not altered, ends at once: its peer is gone.
func TestTruncatedMidway(t *testing.T) {
	k, tw := key(t, methods[0], testPassword), newTwin(methods[0], testPassword)
	wire := tw.stream(t, salt(0), testDest.Append(nil), testFirst)
	stream, _, err := k.Accept(&memConn{Reader: bytes.NewReader(wire[:len(wire)-1])}, new(ss.Salts))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(stream); len(got) != 0 || !errors.Is(err, aead.ErrTruncated) {
		t.Errorf("read %q, %v, want %v", got, err, aead.ErrTruncated)
	}
	if err := stream.Failure(); err != nil {
		t.Errorf("Failure() = %v, want none to hide", err)
	}
}

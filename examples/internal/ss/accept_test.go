package ss_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/ss"
)

// A memConn reads from a Reader and keeps what is written, each write by itself.
type memConn struct {
	net.Conn // nil: whatever else is called panics
	io.Reader
	written [][]byte
}

func (c *memConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func (c *memConn) Write(p []byte) (int, error) {
	c.written = append(c.written, bytes.Clone(p))
	return len(p), nil
}

func key(t testing.TB, method, password string) *ss.Key {
	t.Helper()
	k, err := ss.NewKey(method, password)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func forEachMethod(t *testing.T, test func(t *testing.T, method string)) {
	for _, method := range methods {
		t.Run(method, func(t *testing.T) { test(t, method) })
	}
}

var (
	testDest  = socks.Addr{Name: "example.org", Port: 443}
	testFirst = []byte("first data")
)

// Accept reads the address and leaves the rest of the stream, however both are
// cut into chunks and reads.
func TestAccept(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method string) {
		k, tw := key(t, method, testPassword), newTwin(method, testPassword)
		header := testDest.Append(nil)
		together := append(bytes.Clone(header), testFirst...)
		for i, payloads := range [][][]byte{
			{together},
			{header, testFirst},
			{header[:1], header[1:3], nil, header[3:], testFirst[:1], nil, testFirst[1:]},
			{together[:5], together[5:]},
		} {
			wire := tw.stream(t, salt(i), payloads...)
			for _, r := range []io.Reader{bytes.NewReader(wire), iotest.OneByteReader(bytes.NewReader(wire))} {
				stream, dest, err := k.Accept(&memConn{Reader: r}, new(ss.Salts))
				if err != nil || dest != testDest {
					t.Fatalf("chunks %d: Accept = %v, %v, want %v", i, dest, err, testDest)
				}
				if got, err := io.ReadAll(stream); err != nil || !bytes.Equal(got, testFirst) {
					t.Errorf("chunks %d: behind the address is %q, %v, want %q", i, got, err, testFirst)
				}
			}
		}
	})
}

// The server's stream is readable by the twin, and its salt comes with the first
// bytes and not before.
func TestAcceptAnswers(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method string) {
		k, tw := key(t, method, testPassword), newTwin(method, testPassword)
		wire := tw.stream(t, salt(0), testDest.Append(nil))
		conn := &memConn{Reader: bytes.NewReader(wire)}
		stream, _, err := k.Accept(conn, new(ss.Salts))
		if err != nil {
			t.Fatal(err)
		}
		if len(conn.written) != 0 {
			t.Fatalf("Accept wrote %d bytes by itself", len(conn.written[0]))
		}
		for _, s := range []string{"one", "two"} {
			if _, err := io.WriteString(stream, s); err != nil {
				t.Fatal(err)
			}
		}
		if len(conn.written) != 2 {
			t.Fatalf("two writes became %d", len(conn.written))
		}
		saltLen := len(tw.master)
		sent := bytes.NewReader(bytes.Join(conn.written, nil)[saltLen:])
		d := tw.direction(t, conn.written[0][:saltLen])
		for _, want := range []string{"one", "two"} {
			if got, err := d.open(sent); err != nil || string(got) != want {
				t.Errorf("twin read %q, %v, want %q", got, err, want)
			}
		}
	})
}

func TestAcceptTruncated(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method string) {
		k := key(t, method, testPassword)
		wire := newTwin(method, testPassword).stream(t, salt(0), testDest.Append(nil))
		for n := range len(wire) {
			_, _, err := k.Accept(&memConn{Reader: bytes.NewReader(wire[:n])}, new(ss.Salts))
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("Accept of %d of %d bytes: %v, want %v", n, len(wire), err, io.ErrUnexpectedEOF)
			}
		}
	})
}

// Every altered byte of an opening is noticed.
func TestAcceptAltered(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method string) {
		k := key(t, method, testPassword)
		wire := newTwin(method, testPassword).stream(t, salt(0), testDest.Append(nil))
		for i := range wire {
			altered := bytes.Clone(wire)
			altered[i] ^= 1 << (i % 8)
			_, _, err := k.Accept(&memConn{Reader: bytes.NewReader(altered)}, new(ss.Salts))
			if !errors.Is(err, aead.ErrOpen) {
				t.Errorf("Accept with byte %d altered: %v, want %v", i, err, aead.ErrOpen)
			}
		}
	})
}

func TestAcceptRefuses(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method string) {
		k, tw := key(t, method, testPassword), newTwin(method, testPassword)
		sealed := func(payload []byte, length int) []byte {
			s := salt(0)[:len(tw.master)]
			return append(s, tw.direction(t, s).seal(payload, length)...)
		}
		for _, tt := range []struct {
			name string
			wire []byte
			want error
		}{
			{"wrong password", newTwin(method, "foobar!").stream(t, salt(0), testDest.Append(nil)), aead.ErrOpen},
			{"garbage", bytes.Repeat([]byte("garbage "), 100), aead.ErrOpen},
			{"oversized length", sealed(testDest.Append(nil), aead.MaxPayload+1), aead.ErrTooLong},
			{"longest length", sealed(testDest.Append(nil), 0xffff), aead.ErrTooLong},
			{"length one short", sealed(testDest.Append(nil), len(testDest.Append(nil))-1), aead.ErrOpen},
			{"address type", tw.stream(t, salt(0), []byte{7, 0, 0}), socks.ErrAddrType},
			{"name", tw.stream(t, salt(0), []byte{3, 0, 0, 0}), socks.ErrName},
		} {
			var seen ss.Salts
			_, _, err := k.Accept(&memConn{Reader: bytes.NewReader(tt.wire)}, &seen)
			if !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			} else if strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: error of more than one line: %q", tt.name, err)
			}
			if !seen.Add(tt.wire[:len(tw.master)]) {
				t.Errorf("%s: a stranger's salt was remembered", tt.name)
			}
		}
	})
}

func TestReplay(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method string) {
		k, tw := key(t, method, testPassword), newTwin(method, testPassword)
		var seen ss.Salts
		accept := func(wire []byte) (*ss.Conn, *memConn, error) {
			conn := &memConn{Reader: bytes.NewReader(wire)}
			stream, _, err := k.Accept(conn, &seen)
			return stream, conn, err
		}
		wire := tw.stream(t, salt(0), testDest.Append(nil))
		stream, conn, err := accept(wire)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := accept(wire); !errors.Is(err, ss.ErrReplay) {
			t.Errorf("the same stream again: %v, want %v", err, ss.ErrReplay)
		}
		if _, _, err := accept(tw.stream(t, salt(1), testDest.Append(nil))); err != nil {
			t.Errorf("another stream: %v", err)
		}
		// What the server said to its client is authentic, too, and might even
		// begin with an address.
		if _, err := stream.Write(testDest.Append(nil)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := accept(conn.written[0]); !errors.Is(err, ss.ErrReplay) {
			t.Errorf("the server's own stream: %v, want %v", err, ss.ErrReplay)
		}
	})
}

func TestNewKeyRefuses(t *testing.T) {
	for _, method := range []string{"", "aes-192-gcm", "AES-256-GCM", "rc4-md5", "2022-blake3-aes-256-gcm"} {
		if _, err := ss.NewKey(method, testPassword); !errors.Is(err, ss.ErrMethod) {
			t.Errorf("NewKey(%q) = %v, want %v", method, err, ss.ErrMethod)
		}
	}
	if _, err := ss.NewKey(methods[0], ""); !errors.Is(err, ss.ErrPassword) {
		t.Errorf("NewKey with no password = %v, want %v", err, ss.ErrPassword)
	}
}

// FuzzAccept: no stream of bytes gets anywhere but into an error.
func FuzzAccept(f *testing.F) {
	for i, method := range methods {
		f.Add(byte(i), newTwin(method, testPassword).stream(f, salt(0), testDest.Append(nil), testFirst))
		f.Add(byte(i), newTwin(method, testPassword).stream(f, salt(0), []byte{3}))
	}
	f.Fuzz(func(t *testing.T, method byte, wire []byte) {
		k := key(t, methods[int(method)%len(methods)], testPassword+"unknown to the fuzzer")
		_, dest, err := k.Accept(&memConn{Reader: bytes.NewReader(wire)}, new(ss.Salts))
		if err == nil {
			t.Fatalf("Accept(%q) = %v", wire, dest)
		}
	})
}

// FuzzAcceptAuthentic: what somebody sends who has the password. Accept agrees
// with the parser of addresses on what it means, wherever the chunks end.
func FuzzAcceptAuthentic(f *testing.F) {
	f.Add(testDest.Append(nil), 3)
	f.Add(socks.Addr{IP: netip.IPv6Loopback(), Port: 1}.Append(nil), 1)
	f.Add([]byte{1, 2, 3}, 2)
	f.Add([]byte{9}, 0)
	f.Fuzz(func(t *testing.T, plain []byte, cut int) {
		if len(plain) > aead.MaxPayload {
			plain = plain[:aead.MaxPayload]
		}
		cut = min(max(cut, 0), len(plain))
		rest := bytes.NewReader(plain)
		want, wantErr := socks.ReadAddr(rest)

		wire := newTwin(methods[0], testPassword).stream(t, salt(0), plain[:cut], plain[cut:])
		stream, got, err := key(t, methods[0], testPassword).Accept(&memConn{Reader: bytes.NewReader(wire)}, new(ss.Salts))
		if got != want || (err == nil) != (wantErr == nil) {
			t.Fatalf("Accept = %v, %v, want %v, %v", got, err, want, wantErr)
		}
		if err != nil {
			return
		}
		left, err := io.ReadAll(stream)
		if err != nil || !bytes.Equal(left, plain[len(plain)-rest.Len():]) {
			t.Fatalf("behind the address is %q, %v", left, err)
		}
	})
}

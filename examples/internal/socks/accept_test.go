package socks_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/headrace-go/headrace/examples/internal/socks"
)

// script is a client that has sent all it will ever send, and keeps what it is
// told.
type script struct {
	io.Reader
	told bytes.Buffer
}

func (s *script) Write(b []byte) (int, error) { return s.told.Write(b) }

func sesame(user, password []byte) bool {
	return string(user) == "ali" && string(password) == "sesame"
}

const (
	hello       = "\x05\x01\x00"
	helloAuth   = "\x05\x02\x00\x02"
	credentials = "\x01\x03ali\x06sesame"
	connect     = "\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb"
	connectName = "\x05\x01\x00\x03\x0bexample.org\x00\x50"
)

var (
	testIP   = socks.Addr{IP: netip.MustParseAddr("192.0.2.7"), Port: 443}
	testName = socks.Addr{Name: "example.org", Port: 80}
)

func TestAccept(t *testing.T) {
	for _, tt := range []struct {
		name  string
		check func(user, password []byte) bool
		sent  string
		want  socks.Addr
		told  string
	}{
		{"address", nil, hello + connect, testIP, "\x05\x00"},
		{"name", nil, hello + connectName, testName, "\x05\x00"},
		{"method among others", nil, "\x05\x03\x01\x02\x00" + connect, testIP, "\x05\x00"},
		{"all methods", nil, "\x05\xff" + strings.Repeat("\x80", 254) + "\x00" + connect, testIP, "\x05\x00"},
		{"reserved byte", nil, hello + "\x05\x01\x77" + connect[3:], testIP, "\x05\x00"},
		{"password", sesame, helloAuth + credentials + connect, testIP, "\x05\x02\x01\x00"},
		{
			"longest credentials", func(u, p []byte) bool { return len(u) == 255 && len(p) == 255 },
			helloAuth + "\x01\xff" + strings.Repeat("u", 255) + "\xff" + strings.Repeat("p", 255) + connect, testIP, "\x05\x02\x01\x00",
		},
		{
			"empty credentials", func(u, p []byte) bool { return len(u) == 0 && len(p) == 0 },
			helloAuth + "\x01\x00\x00" + connect, testIP, "\x05\x02\x01\x00",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const first = "first data, sent at once"
			rest := strings.NewReader(tt.sent + first)
			client := &script{Reader: iotest.OneByteReader(rest)}
			got, err := socks.Accept(client, tt.check)
			if err != nil || got != tt.want {
				t.Fatalf("Accept = %v, %v, want %v", got, err, tt.want)
			}
			if client.told.String() != tt.told {
				t.Errorf("Accept answered %q, want %q", client.told.String(), tt.told)
			}
			if rest.Len() != len(first) {
				t.Errorf("Accept left %d bytes, want %d", rest.Len(), len(first))
			}

			for n := range len(tt.sent) {
				client := &script{Reader: strings.NewReader(tt.sent[:n])}
				if _, err := socks.Accept(client, tt.check); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("Accept of the first %d bytes: %v, want %v", n, err, io.ErrUnexpectedEOF)
				}
			}
		})
	}
}

func TestAcceptRefuses(t *testing.T) {
	const (
		unsupported = "\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00"
		badType     = "\x05\x08\x00\x01\x00\x00\x00\x00\x00\x00"
		general     = "\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00"
	)
	for _, tt := range []struct {
		name  string
		check func(user, password []byte) bool
		sent  string
		want  error
		told  string
	}{
		{"SOCKS4", nil, "\x04\x01\x00\x50\xc0\x00\x02\x07\x00", socks.ErrVersion, ""},
		{"HTTP", nil, "GET / HTTP/1.1\r\n\r\n", socks.ErrVersion, ""},
		{"TLS", nil, "\x16\x03\x01\x02\x00\x01", socks.ErrVersion, ""},
		{"no methods", nil, "\x05\x00", socks.ErrMethod, "\x05\xff"},
		{"only password", nil, "\x05\x01\x02", socks.ErrMethod, "\x05\xff"},
		{"no password", sesame, hello, socks.ErrMethod, "\x05\xff"},
		{"wrong user", sesame, helloAuth + "\x01\x03bob\x06sesame", socks.ErrAuth, "\x05\x02\x01\x01"},
		{"wrong password", sesame, helloAuth + "\x01\x03ali\x06simsim", socks.ErrAuth, "\x05\x02\x01\x01"},
		{"request for SOCKS4", nil, hello + "\x04" + connect[1:], socks.ErrVersion, "\x05\x00"},
		{"BIND", nil, hello + "\x05\x02" + connect[2:], socks.ErrCommand, "\x05\x00" + unsupported},
		{"UDP ASSOCIATE", nil, hello + "\x05\x03" + connectName[2:], socks.ErrCommand, "\x05\x00" + unsupported},
		{"address type", nil, hello + "\x05\x01\x00\x02\x00", socks.ErrAddrType, "\x05\x00" + badType},
		{"empty name", nil, hello + "\x05\x01\x00\x03\x00\x00\x50", socks.ErrName, "\x05\x00" + general},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := &script{Reader: strings.NewReader(tt.sent)}
			if got, err := socks.Accept(client, tt.check); !errors.Is(err, tt.want) {
				t.Errorf("Accept = %v, %v, want %v", got, err, tt.want)
			}
			if client.told.String() != tt.told {
				t.Errorf("Accept answered %q, want %q", client.told.String(), tt.told)
			}
		})
	}

	t.Run("credentials version", func(t *testing.T) {
		client := &script{Reader: strings.NewReader(helloAuth + "\x05" + credentials[1:])}
		if _, err := socks.Accept(client, sesame); err == nil {
			t.Error("Accept took credentials of an unknown version")
		}
	})
}

// An error stays one line, and keeps its cause, when the client could not be told.
func TestAcceptUntold(t *testing.T) {
	gone := errors.New("peer gone")
	for _, sent := range []string{"\x05\x00", helloAuth + "\x01\x03bob\x06sesame"} {
		client := &deaf{Reader: strings.NewReader(sent), err: gone}
		_, err := socks.Accept(client, sesame)
		if !errors.Is(err, gone) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Accept(%q): %q, want one line with %q", sent, err, gone)
		}
	}
}

type deaf struct {
	io.Reader
	err error
}

func (d *deaf) Write([]byte) (int, error) { return 0, d.err }

// FuzzAccept: whatever a client sends, Accept ends, answers briefly, and either
// fails or has read a request whose bytes are the last it took.
func FuzzAccept(f *testing.F) {
	for _, sent := range []string{
		hello + connect + "data", hello + connectName, helloAuth + credentials + connect,
		"\x05\xff", "\x05\x01\x00\x05\x03", "\x05\x01\x02\x01\xff", "\x04\x01",
	} {
		f.Add([]byte(sent), true)
		f.Add([]byte(sent), false)
	}
	f.Fuzz(func(t *testing.T, sent []byte, open bool) {
		var check func(user, password []byte) bool
		if !open {
			check = func(user, _ []byte) bool { return len(user) > 0 }
		}
		rest := bytes.NewReader(sent)
		client := &script{Reader: rest}
		dest, err := socks.Accept(client, check)
		if client.told.Len() > 2+2+3+socks.MaxAddrLen {
			t.Fatalf("Accept answered %d bytes", client.told.Len())
		}
		if err != nil {
			return
		}
		read := sent[:len(sent)-rest.Len()]
		if wire := dest.Append([]byte{5, 1}); !bytes.HasSuffix(read, wire[2:]) {
			t.Fatalf("Accept = %v, read %q", dest, read)
		}
	})
}

// AcceptAny tells the two commands apart, and refuses others as Accept does.
func TestAcceptAny(t *testing.T) {
	for _, tt := range addrs {
		for command, associate := range map[string]bool{"\x01": false, "\x03": true} {
			var c script
			c.Reader = strings.NewReader("\x05\x01\x00" + "\x05" + command + "\x00" + tt.wire)
			dest, got, err := socks.AcceptAny(&c, nil)
			if err != nil || dest != tt.addr || got != associate || c.told.String() != "\x05\x00" {
				t.Errorf("%s, command %q: %v, %v, %v, answered %q", tt.name, command, dest, got, err, c.told.String())
			}
		}
	}
	var c script
	c.Reader = strings.NewReader("\x05\x01\x00" + "\x05\x02\x00" + addrs[0].wire)
	if _, _, err := socks.AcceptAny(&c, nil); !errors.Is(err, socks.ErrCommand) {
		t.Errorf("BIND: %v, want %v", err, socks.ErrCommand)
	}
}

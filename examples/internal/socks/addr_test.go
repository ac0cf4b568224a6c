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

var longName = strings.Repeat("a", 255)

var addrs = []struct {
	name string
	addr socks.Addr
	dial string
	wire string
}{
	{"IPv4", socks.Addr{IP: netip.MustParseAddr("192.0.2.7"), Port: 443}, "192.0.2.7:443", "\x01\xc0\x00\x02\x07\x01\xbb"},
	{"IPv6", socks.Addr{IP: netip.MustParseAddr("2001:db8::1"), Port: 80}, "[2001:db8::1]:80",
		"\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x50"},
	{"IPv4 in IPv6", socks.Addr{IP: netip.MustParseAddr("::ffff:192.0.2.7"), Port: 1}, "[::ffff:192.0.2.7]:1",
		"\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x07\x00\x01"},
	{"name", socks.Addr{Name: "example.org", Port: 65535}, "example.org:65535", "\x03\x0bexample.org\xff\xff"},
	{"IPv6 literal as name", socks.Addr{Name: "::1", Port: 8080}, "[::1]:8080", "\x03\x03::1\x1f\x90"},
	{"longest name", socks.Addr{Name: longName, Port: 1}, longName + ":1", "\x03\xff" + longName + "\x00\x01"},
}

func TestAddr(t *testing.T) {
	for _, tt := range addrs {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.addr.String(); got != tt.dial {
				t.Errorf("String() = %q, want %q", got, tt.dial)
			}
			if got := tt.addr.Append([]byte("kept")); string(got) != "kept"+tt.wire {
				t.Errorf("Append = %q, want %q", got, "kept"+tt.wire)
			}
			// One byte at a time, with bytes behind the address that are not its own.
			r := strings.NewReader(tt.wire + "rest")
			got, err := socks.ReadAddr(iotest.OneByteReader(r))
			if err != nil || got != tt.addr {
				t.Errorf("ReadAddr = %v, %v, want %v", got, err, tt.addr)
			}
			if r.Len() != len("rest") {
				t.Errorf("ReadAddr left %d bytes, want %d", r.Len(), len("rest"))
			}
			for n := range len(tt.wire) {
				_, err := socks.ReadAddr(strings.NewReader(tt.wire[:n]))
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("ReadAddr of the first %d bytes: %v, want %v", n, err, io.ErrUnexpectedEOF)
				}
			}
		})
	}
}

func TestAddrMalformed(t *testing.T) {
	for _, tt := range []struct {
		wire string
		want error
	}{
		{"\x00\x00", socks.ErrAddrType},
		{"\x02\x00", socks.ErrAddrType},
		{"\xff\xff", socks.ErrAddrType},
		{"\x03\x00\x00\x50", socks.ErrName},
		{"\x03\x03a b\x00\x50", socks.ErrName},
		{"\x03\x03a\nb\x00\x50", socks.ErrName},
		{"\x03\x03a\x00b\x00\x50", socks.ErrName},
		{"\x03\x02\xc3\xa9\x00\x50", socks.ErrName},
	} {
		if got, err := socks.ReadAddr(strings.NewReader(tt.wire)); !errors.Is(err, tt.want) {
			t.Errorf("ReadAddr(%q) = %v, %v, want %v", tt.wire, got, err, tt.want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("ReadAddr(%q): error of more than one line: %q", tt.wire, err)
		}
	}
}

func TestZeroAddrIsUnspecified(t *testing.T) {
	if got, want := (socks.Addr{}).Append(nil), "\x01\x00\x00\x00\x00\x00\x00"; string(got) != want {
		t.Errorf("Append = %q, want %q", got, want)
	}
}

// FuzzReadAddr: what is read is written again byte for byte, nothing past it is
// touched, and the address is one that a log line can show.
func FuzzReadAddr(f *testing.F) {
	for _, tt := range addrs {
		f.Add([]byte(tt.wire + "rest"))
	}
	f.Add([]byte("\x03\x00\x00\x50"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := bytes.NewReader(wire)
		addr, err := socks.ReadAddr(r)
		if err != nil {
			if addr != (socks.Addr{}) {
				t.Fatalf("ReadAddr(%q) = %v beside error %v", wire, addr, err)
			}
			return
		}
		used := wire[:len(wire)-r.Len()]
		if got := addr.Append(nil); !bytes.Equal(got, used) {
			t.Fatalf("Append = %q after reading %q", got, used)
		}
		for _, c := range addr.String() {
			if c <= ' ' || c > '~' {
				t.Fatalf("String() = %q", addr.String())
			}
		}
	})
}

package socks_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/socks"
)

func TestParseAddr(t *testing.T) {
	for _, tt := range addrs {
		a, rest, err := socks.ParseAddr([]byte(tt.wire + "rest"))
		if err != nil || a != tt.addr || string(rest) != "rest" {
			t.Errorf("%s: %v, %q, %v, want %v", tt.name, a, rest, err, tt.addr)
		}
		for n := range len(tt.wire) {
			if _, _, err := socks.ParseAddr([]byte(tt.wire[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: the first %d bytes: %v, want %v", tt.name, n, err, io.ErrUnexpectedEOF)
			}
		}
	}
}

func TestDatagram(t *testing.T) {
	for _, tt := range addrs {
		b := append(socks.AppendHeader([]byte("kept"), tt.addr), "payload"...)
		if string(b) != "kept\x00\x00\x00"+tt.wire+"payload" || len(b) > len("kept")+len("payload")+socks.MaxHeaderLen {
			t.Errorf("%s: AppendHeader gives %q", tt.name, b)
		}
		a, payload, err := socks.ParseDatagram(b[4:])
		if err != nil || a != tt.addr || string(payload) != "payload" {
			t.Errorf("%s: %v, %q, %v, want %v", tt.name, a, payload, err, tt.addr)
		}
		b[4+2] = 1
		if _, _, err := socks.ParseDatagram(b[4:]); !errors.Is(err, socks.ErrFragment) {
			t.Errorf("%s: a fragment: %v, want %v", tt.name, err, socks.ErrFragment)
		}
	}
	mapped := netip.MustParseAddrPort("[::ffff:192.0.2.1]:53")
	if a := socks.FromAddrPort(mapped); a.String() != "192.0.2.1:53" {
		t.Errorf("FromAddrPort(%v) = %v", mapped, a)
	}
}

func TestFrame(t *testing.T) {
	for _, tt := range addrs {
		for _, payload := range []string{"", "x", strings.Repeat("long ", 13107)} {
			b := append(socks.AppendFrameHead(nil, tt.addr, len(payload)), payload...)
			if len(b) != len(tt.wire)+len(payload)+socks.FrameOverhead {
				t.Errorf("%s: a frame of %d bytes for %d", tt.name, len(b), len(payload))
			}
			a, got, rest, err := socks.ParseFrame(append(b, "rest"...))
			if err != nil || a != tt.addr || string(got) != payload || string(rest) != "rest" {
				t.Errorf("%s: %v, %d bytes, %q, %v", tt.name, a, len(got), rest, err)
			}
			for n := range min(len(b), 300) {
				if n == len(b) {
					break
				}
				if _, _, _, err := socks.ParseFrame(b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%s: the first %d bytes of %d: %v", tt.name, n, len(b), err)
				}
			}
			b[len(tt.wire)+3] = '\r'
			if _, _, _, err := socks.ParseFrame(b); !errors.Is(err, socks.ErrFrame) {
				t.Errorf("%s: no line end: %v, want %v", tt.name, err, socks.ErrFrame)
			}
		}
	}
}

// ParseAddr agrees with ReadAddr, whatever it is given.
func FuzzParseAddr(f *testing.F) {
	for _, tt := range addrs {
		f.Add([]byte(tt.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		want, wantErr := socks.ReadAddr(r)
		got, rest, err := socks.ParseAddr(b)
		if (err == nil) != (wantErr == nil) || got != want {
			t.Fatalf("ParseAddr(%q) = %v, %v; ReadAddr: %v, %v", b, got, err, want, wantErr)
		}
		if err == nil && len(rest) != r.Len() {
			t.Fatalf("ParseAddr(%q) leaves %d bytes, ReadAddr %d", b, len(rest), r.Len())
		}
		for _, class := range []error{io.ErrUnexpectedEOF, socks.ErrAddrType, socks.ErrName} {
			if errors.Is(err, class) != errors.Is(wantErr, class) {
				t.Fatalf("ParseAddr(%q): %v; ReadAddr: %v", b, err, wantErr)
			}
		}
	})
}

package socks_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/socks"
)

func TestReplyFor(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, tt := range []struct {
		err  error
		want socks.Reply
	}{
		{dial(os.NewSyscallError("connect", socks.ErrnoRefused)), socks.ConnectionRefused},
		{dial(os.NewSyscallError("connect", socks.ErrnoNetUnreachable)), socks.NetworkUnreachable},
		{dial(os.NewSyscallError("connect", socks.ErrnoHostUnreachable)), socks.HostUnreachable},
		{dial(os.NewSyscallError("connect", socks.ErrnoTimedOut)), socks.TTLExpired},
		{dial(os.NewSyscallError("connect", os.ErrPermission)), socks.NotAllowed},
		{dial(&net.DNSError{Err: "no such host", IsNotFound: true}), socks.HostUnreachable},
		{dial(&net.DNSError{Err: "timeout", IsTimeout: true}), socks.HostUnreachable},
		{dial(os.ErrDeadlineExceeded), socks.TTLExpired},
		{dial(context.DeadlineExceeded), socks.TTLExpired},
		{context.DeadlineExceeded, socks.TTLExpired},
		{fmt.Errorf("%w: 0x2", socks.ErrCommand), socks.CommandNotSupported},
		{fmt.Errorf("%w 0x2", socks.ErrAddrType), socks.AddressTypeNotSupported},
		{socks.ErrName, socks.GeneralFailure},
		{context.Canceled, socks.GeneralFailure},
		{io.ErrUnexpectedEOF, socks.GeneralFailure},
	} {
		if got := socks.ReplyFor(tt.err); got != tt.want {
			t.Errorf("ReplyFor(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

// A port that was just closed refuses in the words of this system, whichever
// they are.
func TestReplyForRealRefusal(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", ln.Addr().String())
	if err == nil {
		t.Fatalf("a closed port accepted %v", c.RemoteAddr())
	}
	if got := socks.ReplyFor(err); got != socks.ConnectionRefused {
		t.Errorf("ReplyFor(%v) = %d, want %d", err, got, socks.ConnectionRefused)
	}
}

func TestGrant(t *testing.T) {
	for _, tt := range []struct {
		bound net.Addr
		want  string
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 443}, "\x05\x00\x00\x01\xc0\x00\x02\x07\x01\xbb"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 80},
			"\x05\x00\x00\x04\xfe\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x50"},
		{&net.UnixAddr{Name: "/run/x", Net: "unix"}, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"},
		{nil, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"},
	} {
		var told bytes.Buffer
		if err := socks.Grant(&told, tt.bound); err != nil || told.String() != tt.want {
			t.Errorf("Grant(%v) = %v, sent %q, want %q", tt.bound, err, told.String(), tt.want)
		}
	}
}

func TestRefuse(t *testing.T) {
	var told bytes.Buffer
	err := socks.Refuse(&told, context.DeadlineExceeded)
	if err != context.DeadlineExceeded {
		t.Errorf("Refuse = %v, want the cause", err)
	}
	if want := "\x05\x06\x00\x01\x00\x00\x00\x00\x00\x00"; told.String() != want {
		t.Errorf("Refuse sent %q, want %q", told.String(), want)
	}
}

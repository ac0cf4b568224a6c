// Package standin is a minimal SOCKS5 proxy for the tests of the tools that
// drive proxies. It can be told to misbehave. Not for any other use.
package standin

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync/atomic"
)

// Role is the first argument of a program that shall be a stand-in; how it
// misbehaves is the second, the address to listen on the third.
const Role = "standin"

// The ways to misbehave.
const (
	Honest = "honest"
	Crash  = "crash"  // exits at the third connection
	Hang   = "hang"   // moves no more bytes after the first megabyte
	Flip   = "flip"   // flips a bit of the first megabyte down
	FlipUp = "flipup" // flips a bit of the first megabyte up
	Drop   = "drop"   // drops a byte of the first megabyte
	Deaf   = "deaf"   // honest, but ignores interrupts
)

// upwards is how a stand-in misbehaves on the way to the target.
var upwards = map[string]string{FlipUp: Flip}

// Main is the process.
func Main(way, address string) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening on", ln.Addr())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if way != Deaf {
		context.AfterFunc(ctx, func() { ln.Close() })
	}
	var accepted atomic.Int32
	for {
		conn, err := ln.Accept()
		if err != nil {
			return nil
		}
		if accepted.Add(1) == 3 && way == Crash {
			fmt.Fprintln(os.Stderr, "standin: told to crash")
			os.Exit(7)
		}
		go serve(conn, way)
	}
}

func serve(client net.Conn, way string) {
	defer client.Close()
	target, err := accept(client)
	if err != nil {
		return
	}
	defer target.Close()
	go func() {
		_, _ = io.Copy(&spoiler{Conn: target, way: upwards[way]}, client)
		target.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(&spoiler{Conn: client, way: way}, target)
}

// accept speaks the server's part of RFC 1928 for CONNECT and IPv4.
func accept(client net.Conn) (net.Conn, error) {
	b := make([]byte, 10)
	if _, err := io.ReadFull(client, b[:3]); err != nil {
		return nil, err
	}
	if _, err := client.Write([]byte{5, 0}); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(client, b); err != nil {
		return nil, err
	}
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[8:]))
	target, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(address))
	if err != nil {
		return nil, err
	}
	_, err = client.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return target, err
}

// A spoiler is a way through the proxy on which it misbehaves.
type spoiler struct {
	net.Conn
	way   string
	moved int
}

func (s *spoiler) Write(p []byte) (int, error) {
	const where = 1 << 20
	first := s.moved < where && s.moved+len(p) >= where
	s.moved += len(p)
	switch {
	case s.way == Flip && first:
		p = append([]byte{p[0] ^ 1}, p[1:]...)
	case s.way == Drop && first:
		n, err := s.Conn.Write(p[1:])
		return n + 1, err
	case s.way == Hang && s.moved >= where:
		select {}
	}
	return s.Conn.Write(p)
}

// Package standin is a minimal SOCKS5 proxy for the tests of the tools that
// drive proxies. It can be told to misbehave. Not for any other use.
package standin

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync/atomic"

	"github.com/headrace-go/headrace/bench/internal/plain"
)

// Role is the first argument of a program that shall be a stand-in; how it
// misbehaves is the second, the address to listen on the third.
const Role = "standin"

// The ways to misbehave.
const (
	Honest = "honest"
	Crash  = "crash"  // exits at the third connection
	Hang   = "hang"   // moves no more after 64 KiB in bulk
	Flip   = "flip"   // flips a bit of the first 64 KiB in bulk, down
	FlipUp = "flipup" // the same, up
	Drop   = "drop"   // drops a byte of the first 64 KiB in bulk
	Deaf   = "deaf"   // honest, but ignores interrupts
)

// upwards is how a stand-in misbehaves on the way to the target.
var upwards = map[string]string{FlipUp: Flip}

// Main is the process.
func Main(way, address string) error {
	// It listens to signals first: who finds it listening may interrupt it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if way != Deaf {
		context.AfterFunc(ctx, func() { ln.Close() })
	}
	fmt.Println("listening on", ln.Addr())
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
	target, err := plain.Accept(client)
	if err != nil {
		return
	}
	defer target.Close()
	go func() {
		_, _ = io.Copy(&spoiler{Conn: target, way: upwards[way]}, client)
		target.CloseWrite()
	}()
	_, _ = io.Copy(&spoiler{Conn: client, way: way}, target)
}

// A spoiler is a way through the proxy on which it misbehaves.
type spoiler struct {
	net.Conn
	way   string
	moved int
}

// message is more than what is exchanged to and fro. How many messages go
// through is up to the machine, and who misses a byte of one waits for it: so
// they are left as they are, and do not count.
const message = 1 << 10

func (s *spoiler) Write(p []byte) (int, error) {
	const where = 64 << 10
	if len(p) < message {
		return s.Conn.Write(p)
	}
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

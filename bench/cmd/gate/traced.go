package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strings"

	"github.com/headrace-go/headrace/bench/internal/counts"
	"github.com/headrace-go/headrace/vecio"
)

// servePrograms is gate in its second role: it runs one small program, under
// strace, that does nothing but what is being counted, until its standard
// input ends. The load comes from the first gate.
func servePrograms(name string, args []string) error {
	if name != "relay" || len(args) != 1 {
		return fmt.Errorf("gate: -serve: no program %q with %d arguments", name, len(args))
	}
	return serveRelay(args[0])
}

// serveRelay relays every connection that it accepts to target.
func serveRelay(target string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	fmt.Println(listener.Addr())
	failed := make(chan error, 1)
	go func() {
		for {
			if err := relayNext(listener, target); err != nil {
				failed <- err
				return
			}
		}
	}()
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		failed <- err
	}()
	return <-failed
}

func relayNext(listener net.Listener, target string) error {
	left, err := listener.Accept()
	if err != nil {
		return err
	}
	right, err := net.Dial("tcp", target)
	if err != nil {
		return err
	}
	return vecio.Start(context.Background(), left, right, vecio.RelayConfig{}, nil)
}

// turns is how often bulk is counted for its minimum: how sender, relay and
// receiver take turns is chance.
const turns = 3

// relayCalls counts the system calls of a relay in a process of its own.
func relayCalls(ctx context.Context) (map[string]float64, error) {
	if err := counts.TraceError(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", errLeftOut, err)
	}
	echo, err := relaySyscalls(ctx, 200, echoes)
	if err != nil {
		return nil, err
	}
	bulk := math.Inf(1)
	for range turns {
		calls, err := relaySyscalls(ctx, 64, megabytes)
		if err != nil {
			return nil, err
		}
		bulk = min(bulk, calls)
	}
	return map[string]float64{"calls/echo": echo, "calls/MB": bulk}, nil
}

// relaySyscalls lets load do n operations on a connection that a traced
// relay leads from near to far.
func relaySyscalls(ctx context.Context, few int, load func(near, far net.Conn, n int) error) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer target.Close()
	argv := []string{self, "-serve", "relay", target.Addr().String()}
	return counts.Syscalls(ctx, argv, few, func(child counts.Child, n int) error {
		address, err := child.Stdout.ReadString('\n')
		if err != nil {
			return fmt.Errorf("relay did not say where it listens: %w", err)
		}
		near, err := net.Dial("tcp", strings.TrimSpace(address))
		if err != nil {
			return err
		}
		defer near.Close()
		far, err := target.Accept()
		if err != nil {
			return err
		}
		defer far.Close()
		return load(near, far, n)
	})
}

func echoes(near, far net.Conn, n int) error {
	r := relayed{near: near, far: far}
	buffer := make([]byte, 64)
	for range n {
		if err := r.echo(buffer); err != nil {
			return err
		}
	}
	return nil
}

// megabytes sends n times 1 MiB one way, as fast as the relay takes it.
func megabytes(near, far net.Conn, n int) error {
	sent := make(chan error, 1)
	go func() {
		chunk := make([]byte, 1<<20)
		for range n {
			if _, err := near.Write(chunk); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	_, err := io.CopyN(io.Discard, far, int64(n)<<20)
	if err != nil {
		near.Close() // which ends the sender
	}
	if sendErr := <-sent; err == nil {
		err = sendErr
	}
	return err
}

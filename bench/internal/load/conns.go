package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/headrace-go/headrace/bench/internal/stream"
)

// dialers bounds how many connections are opened at the same time.
const dialers = 16

// dialAll opens n connections, whose deadline is that of ctx.
func dialAll(ctx context.Context, route Route, n int) ([]net.Conn, error) {
	conns := make([]net.Conn, n)
	err := each(n, dialers, func() func(i int) error {
		return func(i int) (err error) {
			if conns[i], err = dial(ctx, route); err != nil {
				return fmt.Errorf("connection %d of %d: %w", i+1, n, err)
			}
			return nil
		}
	})
	if err != nil {
		closeAll(conns)
		return nil, err
	}
	return conns, nil
}

// dial opens a connection, whose deadline is that of ctx.
func dial(ctx context.Context, route Route) (net.Conn, error) {
	conn, err := route.Dial(ctx)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// hung makes it plain what it means that the limit of a measurement has
// passed. Other errors it returns as they are.
func hung(err error, limit time.Duration) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("load: hung: not done within %v: %w", limit, err)
	}
	return err
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
}

// ask sends a request.
func ask(conn net.Conn, req stream.Request) error {
	_, err := conn.Write(req.AppendTo(make([]byte, 0, stream.RequestSize)))
	return err
}

// An echo is the two buffers of a round trip.
type echo struct{ sent, got []byte }

func newEcho() *echo {
	return &echo{make([]byte, 0, stream.RequestSize), make([]byte, stream.RequestSize)}
}

// roundTrip sends 64 bytes and waits until they have come back.
func (e *echo) roundTrip(conn net.Conn, number uint64) error {
	e.sent = stream.Request{Kind: stream.Echo, Seed: number}.AppendTo(e.sent[:0])
	if _, err := conn.Write(e.sent); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, e.got); err != nil {
		return fmt.Errorf("load: echo %d: %w", number, err)
	}
	if string(e.got) != string(e.sent) {
		return &stream.CorruptError{What: fmt.Sprintf("echo %d: got %x, want %x", number, e.got, e.sent)}
	}
	return nil
}

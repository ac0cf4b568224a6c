// Package target is the far end of the scorecard's load: it echoes, sends
// and receives checked streams, as the requests of package stream ask.
package target

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/bench/internal/stream"
)

const (
	// ackEvery is how often the sender of a stream hears how far it came.
	ackEvery = 20 * time.Millisecond
	// bufSize is the length of a read.
	bufSize = 256 << 10
)

// Serve answers requests on the connections of ln until ln is closed.
// It starts one goroutine per connection, which ends with its connection.
func Serve(ln net.Listener, log *log.Logger) error {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			if err := converse(conn); !gone(err) {
				log.Printf("target: %v: %v", conn.RemoteAddr(), err)
			}
		}()
	}
}

// gone reports whether err only says that the requester went away, which is
// how the load ends what has no end of its own.
func gone(err error) bool {
	var network *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// converse answers the requests on conn, one after the other.
func converse(conn net.Conn) error {
	msg := make([]byte, stream.RequestSize)
	for {
		if _, err := io.ReadFull(conn, msg); err != nil {
			return err
		}
		req, err := stream.ParseRequest(msg)
		if err != nil {
			return err
		}
		switch req.Kind {
		case stream.Echo:
			_, err = conn.Write(msg)
		case stream.Receive:
			err = receive(conn, req)
		case stream.Send:
			err = send(conn, req)
		case stream.Hold:
			err = hold(conn, req)
		}
		if err != nil {
			return fmt.Errorf("request %d: %w", req.Kind, err)
		}
	}
}

var buffers = sync.Pool{New: func() any { return new([bufSize]byte) }}

// receive checks the stream that follows, and acknowledges it.
func receive(conn net.Conn, req stream.Request) error {
	buf := buffers.Get().(*[bufSize]byte)
	defer buffers.Put(buf)
	verifier := stream.NewVerifier(req.Seed)
	var msg [stream.AckSize]byte
	ack := func(s stream.State) error {
		_, err := conn.Write(stream.Ack{State: s, Bytes: verifier.Seen()}.AppendTo(msg[:0]))
		return err
	}
	last := time.Now()
	err := verifier.ReadAll(conn, buf[:], func(uint64) error {
		if now := time.Now(); now.Sub(last) >= ackEvery && !verifier.Done() {
			last = now
			return ack(stream.Running)
		}
		return nil
	})
	var corrupt *stream.CorruptError
	switch {
	case err == nil:
		return ack(stream.Complete)
	case errors.As(err, &corrupt):
		if ack(stream.Corrupt) == nil {
			// A close now, with bytes unread, could overtake what was just said.
			_, _ = io.Copy(io.Discard, conn)
		}
	}
	return err
}

// send sends req.Bytes bytes; or, if that is 0, checks the stream that the
// requester sends and sends its own until that one has ended.
func send(conn net.Conn, req stream.Request) error {
	if req.Bytes > 0 {
		return stream.Pace(stream.NewWriter(conn, req.Seed), req, stream.Exactly(req.Bytes))
	}
	var stop atomic.Bool
	ended := make(chan error, 1)
	go func() {
		buf := buffers.Get().(*[bufSize]byte)
		defer buffers.Put(buf)
		err := stream.NewVerifier(req.Seed).ReadAll(conn, buf[:], nil)
		stop.Store(true)
		if err != nil {
			// Wakes a writer that nobody reads from any more.
			conn.SetWriteDeadline(time.Now())
		}
		ended <- err
	}()
	err := stream.Pace(stream.NewWriter(conn, req.Seed), req, stream.Until(&stop))
	if err != nil {
		conn.SetReadDeadline(time.Now())
	}
	if bad := <-ended; bad != nil {
		return bad
	}
	return err
}

// hold sends while there is room and reads nothing, until the connection is
// torn down.
func hold(conn net.Conn, req stream.Request) error {
	return stream.Pace(stream.NewWriter(conn, req.Seed), req, stream.Until(new(atomic.Bool)))
}

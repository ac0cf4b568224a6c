package rivals

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// headraceMuxer is h2mux with its defaults.
var headraceMuxer = muxer{name: "headrace", connect: func(tb testing.TB, dial func() (net.Conn, net.Conn, error)) (session, session) {
	near, far := mustDial(tb, dial)
	client, err := h2mux.Client(near, h2mux.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	server, err := h2mux.Server(far, h2mux.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return headraceSession{client}, headraceSession{server}
}}

type headraceSession struct{ mux.Session }

func (s headraceSession) open() (io.ReadWriteCloser, error) { return s.Open(context.Background()) }

func (s headraceSession) accept() (io.ReadWriteCloser, error) { return s.Accept(context.Background()) }

func (s headraceSession) close() error { return s.Close() }

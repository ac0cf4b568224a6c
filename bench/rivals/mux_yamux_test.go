package rivals

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/hashicorp/yamux"
)

var yamuxMuxer = muxer{name: "yamux", connect: func(tb testing.TB, dial func() (net.Conn, net.Conn, error)) (session, session) {
	near, far := mustDial(tb, dial)
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	client, clientErr := yamux.Client(near, config)
	server, serverErr := yamux.Server(far, config)
	if err := errors.Join(clientErr, serverErr); err != nil {
		tb.Fatal(err)
	}
	return yamuxSession{client}, yamuxSession{server}
}}

type yamuxSession struct{ *yamux.Session }

func (s yamuxSession) open() (io.ReadWriteCloser, error)   { return s.Session.Open() }
func (s yamuxSession) accept() (io.ReadWriteCloser, error) { return s.Session.Accept() }
func (s yamuxSession) close() error                        { return s.Session.Close() }

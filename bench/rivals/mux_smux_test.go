package rivals

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/xtaci/smux"
)

var smuxMuxer = muxer{name: "smux", connect: func(tb testing.TB, dial func() (net.Conn, net.Conn, error)) (session, session) {
	near, far := mustDial(tb, dial)
	config := smux.DefaultConfig()
	config.Version = 2
	client, clientErr := smux.Client(near, config)
	server, serverErr := smux.Server(far, config)
	if err := errors.Join(clientErr, serverErr); err != nil {
		tb.Fatal(err)
	}
	return smuxSession{client}, smuxSession{server}
}}

type smuxSession struct{ *smux.Session }

func (s smuxSession) open() (io.ReadWriteCloser, error)   { return s.Session.Open() }
func (s smuxSession) accept() (io.ReadWriteCloser, error) { return s.Session.Accept() }
func (s smuxSession) close() error                        { return s.Session.Close() }

package tlsrecord_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/headrace-go/headrace/aead/tlsrecord"
)

func TestNettestTCP(t *testing.T) { testNettest(t, tcpPipe) }

func TestNettestPipe(t *testing.T) {
	testNettest(t, func() (net.Conn, net.Conn, error) {
		a, b := net.Pipe()
		return a, b, nil
	})
}

func tcpPipe() (net.Conn, net.Conn, error) {
	l, err := nettest.NewLocalListener("tcp")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	b, err := l.Accept()
	if err != nil {
		return nil, nil, errors.Join(err, a.Close())
	}
	return a, b, nil
}

func testNettest(t *testing.T, pipe func() (net.Conn, net.Conn, error)) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		a, b, err := pipe()
		if err != nil {
			return nil, nil, nil, err
		}
		cc, sc := configs()
		done := make(chan error, 1)
		go func() {
			s, err := tlsrecord.Server(context.Background(), b, sc, tlsrecord.Config{})
			c2 = s
			done <- err
		}()
		c1, err = tlsrecord.Client(context.Background(), a, cc, tlsrecord.Config{})
		if err := errors.Join(err, <-done); err != nil {
			return nil, nil, nil, errors.Join(err, a.Close(), b.Close())
		}
		return c1, c2, func() {
			// Abort, since over a pipe that nobody reads the alert of a Close
			// would wait.
			_ = c1.(*tlsrecord.Conn).Abort()
			_ = c2.(*tlsrecord.Conn).Abort()
		}, nil
	})
}

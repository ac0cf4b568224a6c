package connpool_test

import (
	"context"
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/headrace-go/headrace/connpool"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// TestNetConn: a Conn is what net.Conn asks for.
func TestNetConn(t *testing.T) {
	for _, kind := range []string{"tcp", "memory"} {
		t.Run(kind, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				var far net.Conn
				p, err := connpool.New(connpool.Config[string]{Dial: func(context.Context, string) (net.Conn, error) {
					if kind == "tcp" {
						var near net.Conn
						near, far = faultconn.Sockets(t, "tcp")
						return near, nil
					}
					a, b := faultconn.Pair(0)
					far = b
					return a, nil
				}})
				if err != nil {
					return nil, nil, nil, err
				}
				near, err := p.Get(t.Context(), "k")
				if err != nil {
					return nil, nil, nil, err
				}
				return near, far, func() {
					near.Close()
					far.Close()
					closeNow(p)
				}, nil
			})
		})
	}
}

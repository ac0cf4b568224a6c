package main

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// A connection of transports tcp, tls and ech begins with the destination, as
// SOCKS5 writes it. There is no answer: a destination that cannot be reached is
// the end of the connection.

func plainClient(server string, config *tls.Config) transport {
	dialer := net.Dialer{Timeout: dialTimeout}
	return transport{
		dial: func(ctx context.Context, dest socks.Addr) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, "tcp", server)
			if err != nil {
				return nil, err
			}
			if config != nil {
				if c, err = handshake(ctx, c, config, tlsrecord.Client); err != nil {
					return nil, err
				}
			}
			if _, err := c.Write(dest.Append(nil)); err != nil {
				_ = c.Close()
				return nil, err
			}
			return c, nil
		},
		close: func() {},
	}
}

func plainServer(config *tls.Config) transport {
	return transport{
		request: func(ctx context.Context, c net.Conn) (net.Conn, string, error) {
			if config != nil {
				var err error
				if c, err = handshake(ctx, c, config, tlsrecord.Server); err != nil {
					return nil, "", err
				}
			}
			dest, err := socks.ReadAddr(c)
			return c, dest.String(), err
		},
		answer: func(net.Conn, error) error { return nil },
	}
}

// batch is how much leaves together: a processor that is shared by everybody
// has more of few large writes than of the peer beginning early.
const batch = 128 << 10

// handshake speaks TLS over raw, which it closes if that fails.
func handshake(ctx context.Context, raw net.Conn, config *tls.Config, side tlsSide) (net.Conn, error) {
	conn, err := side(ctx, raw, config, tlsrecord.Config{Batch: batch})
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return conn, nil
}

// tlsSide is tlsrecord.Client or tlsrecord.Server.
type tlsSide func(context.Context, net.Conn, *tls.Config, tlsrecord.Config) (*tlsrecord.Conn, error)

package main

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/vecio"
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
				top, under, err := handshake(ctx, c, config, tls.Client)
				if err != nil {
					return nil, err
				}
				c = vecio.Layered(top, under)
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
				top, under, err := handshake(ctx, c, config, tls.Server)
				if err != nil {
					return nil, "", err
				}
				c = vecio.Layered(top, under)
			}
			dest, err := socks.ReadAddr(c)
			return c, dest.String(), err
		},
		answer: func(net.Conn, error) error { return nil },
	}
}

// handshake speaks TLS over raw, which it closes if that fails. What is under
// merges the records of both directions into few system calls.
func handshake(ctx context.Context, raw net.Conn, config *tls.Config, side func(net.Conn, *tls.Config) *tls.Conn) (*tls.Conn, *vecio.CoalesceConn, error) {
	under := vecio.Coalesce(raw, vecio.CoalesceConfig{})
	top := side(under, config)
	if err := top.HandshakeContext(ctx); err != nil {
		_ = top.Close()
		return nil, nil, err
	}
	return top, under, nil
}

package quicmux

import (
	"context"
	"net"
	"net/netip"

	"github.com/quic-go/quic-go"
)

// Dial connects to a server that Listen, or another one with its wire, runs at
// addr, "host:port", over a socket of its own, and a second one once it moves to
// look for its rate (see the package's comment). The handshake is over when it
// returns, unless cfg says Early and a session is resumed. ctx bounds the dial
// and nothing after it.
func Dial(ctx context.Context, addr string, cfg Config) (*Session, error) {
	if err := cfg.normalize(); err != nil {
		return nil, err
	}
	to, err := resolve(ctx, addr)
	if err != nil {
		return nil, err
	}
	cfg.TLS = cfg.TLS.Clone()
	if cfg.TLS.ServerName == "" {
		cfg.TLS.ServerName, _, _ = net.SplitHostPort(addr) // resolve has split it
	}
	first, err := cfg.open()
	if err != nil {
		return nil, err
	}
	grown := &windows{budget: cfg.Budget}
	dial := first.transport.Dial
	if cfg.Early {
		dial = first.transport.DialEarly
	}
	conn, err := dial(ctx, to, cfg.TLS, cfg.quic(grown))
	if err != nil {
		first.close()
		return nil, err
	}
	restart := newRestarter(conn, first, cfg.open)
	s := newSession(conn, !cfg.Bare, func() {
		restart.close()
		grown.release(conn)
	})
	s.buffers, s.gro, s.restart = first.buffers, first.gro, restart
	return s, nil
}

// A socket is what a session of Dial's sends and receives by.
type socket struct {
	udp       *net.UDPConn
	transport *quic.Transport
	buffers   Buffers
	gro       bool
}

// open returns a socket on a port of its own.
func (cfg *Config) open() (*socket, error) {
	udp, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	s := &socket{udp: udp, buffers: ask(udp)}
	through, gro := cfg.through(udp)
	s.transport, s.gro = &quic.Transport{Conn: through}, gro
	return s, nil
}

func (s *socket) close() {
	_ = s.transport.Close() // there is nothing to be done about an error
	_ = s.udp.Close()
}

// resolve finds the address to dial, of IPv4 or IPv6, whichever the resolver
// has first.
func resolve(ctx context.Context, addr string) (*net.UDPAddr, error) {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		return net.UDPAddrFromAddrPort(ap), nil
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(ips[0].Unmap(), uint16(port))), nil
}

package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/headrace-go/headrace/examples/internal/associate"
	"github.com/headrace-go/headrace/examples/internal/names"
	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/ss"
	"github.com/headrace-go/headrace/examples/internal/warm"
	"github.com/headrace-go/headrace/vecio"
)

// A client takes connections and datagrams from applications to its server.
type client struct {
	key    *ss.Key
	server string
	wait   time.Duration // for the application's first bytes
	dialer net.Dialer
	source *warm.Source // of connections to server

	relay         vecio.RelayConfig // what associations share with connections
	seenDatagrams ss.Salts
}

func runClient(args []string) {
	o := newOptions("client", "127.0.0.1:1080")
	server := o.Server()
	wait := o.Wait()
	ready := o.Count("warm", 0, 0, warm.Usage)
	key := o.parse(args)
	c := &client{key: key, server: *server, wait: *wait, dialer: serve.Dialer(dialTimeout)}
	var err error
	c.source, err = warm.New(*ready, func(ctx context.Context) (net.Conn, error) {
		return c.dialer.DialContext(ctx, "tcp", c.server)
	})
	if err != nil {
		log.Fatal(err)
	}
	cfg := o.Config
	cfg.Open = c.open
	cfg.Started = func(relay vecio.RelayConfig) { c.relay = relay }
	serve.Main(cfg)
	if err := c.source.Close(); err != nil {
		log.Print(err)
	}
}

// open tells the application that it is connected as soon as the server is: the
// protocol has no way to say how the server fared.
func (c *client) open(ctx context.Context, app net.Conn) (a, b net.Conn, err error) {
	dest, datagrams, err := socks.AcceptAny(app, nil)
	if err != nil {
		return nil, nil, err
	}
	if datagrams {
		b, err := c.associate(ctx, app, dest)
		if err != nil {
			return nil, nil, err
		}
		return app, b, nil
	}
	server, err := c.source.Get(ctx)
	if err != nil {
		return nil, nil, socks.Refuse(app, err)
	}
	stream, err := c.request(ctx, app, server, dest)
	if err != nil {
		_ = server.Close()
		return nil, nil, err
	}
	return app, stream, nil
}

// request sends the request with what the application says first.
func (c *client) request(ctx context.Context, app, server net.Conn, dest socks.Addr) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = server.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := socks.Grant(app, nil); err != nil {
		return nil, err
	}
	first, err := c.firstBytes(app)
	if err != nil {
		return nil, err
	}
	if first != nil {
		defer c.key.Buffers().Put(first)
	}
	return c.key.Request(server, dest, first)
}

// firstBytes returns what app says in time, from the pool, or nil.
func (c *client) firstBytes(app net.Conn) ([]byte, error) {
	if err := app.SetReadDeadline(time.Now().Add(c.wait)); err != nil {
		return nil, err
	}
	first, err := vecio.ReadReady(app, c.key.Buffers())
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
	case errors.Is(err, io.EOF): // the relay will find it again
	case err != nil:
		return nil, err
	}
	return first, app.SetReadDeadline(time.Time{})
}

// associate relays the application's datagrams for as long as it stays
// connected. Errors of datagrams are counted, not logged.
func (c *client) associate(ctx context.Context, app net.Conn, claimed socks.Addr) (*associate.Conn, error) {
	probe, err := c.dialer.DialContext(ctx, "udp", c.server) // sends nothing, but resolves
	if err != nil {
		return nil, socks.Refuse(app, err)
	}
	server := probe.RemoteAddr().(*net.UDPAddr)
	if err := probe.Close(); err != nil {
		return nil, socks.Refuse(app, err)
	}
	a, err := associate.Start(app, claimed, vecio.FlowTableConfig{
		Open: func(netip.AddrPort) (*net.UDPConn, error) {
			s, err := net.DialUDP("udp", nil, server)
			if err == nil {
				names.Widen(s)
			}
			return s, err
		},
		Up: func(dst, datagram []byte, _ netip.AddrPort) ([]byte, netip.AddrPort, error) {
			to, payload, err := socks.ParseDatagram(datagram)
			if err != nil {
				return nil, netip.AddrPort{}, err
			}
			sealed, err := c.key.SealDatagram(dst, to, payload, &c.seenDatagrams)
			return sealed, netip.AddrPort{}, err // the server's, as the socket knows
		},
		UpGrowth: ss.MaxDatagramOverhead,
		Down: func(_, datagram []byte, _ netip.AddrPort) ([]byte, error) {
			return c.key.OpenToSOCKS(datagram, &c.seenDatagrams)
		},
		IdleTimeout: c.relay.IdleTimeout,
		Parker:      c.relay.Parker,
		Pool:        c.relay.Pool,
	})
	if err != nil {
		return nil, socks.Refuse(app, err)
	}
	if err := socks.Grant(app, a.Socket()); err != nil {
		_ = a.Close()
		return nil, err
	}
	return a, nil
}

package main

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/headrace-go/headrace/examples/internal/names"
	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/ss"
	"github.com/headrace-go/headrace/vecio"
)

// openTimeout is when a server closes a connection that has not authenticated
// itself, in whatever way: silence, half a request and garbage look the same.
const openTimeout = time.Minute

// A server takes streams from clients to where they want to go.
type server struct {
	key    *ss.Key
	seen   ss.Salts
	dialer net.Dialer

	names         names.Resolver
	seenDatagrams ss.Salts // many more than streams
}

func runServer(args []string) {
	o := newOptions("server", "127.0.0.1:8388")
	key := o.parse(args)
	s := &server{key: key, dialer: serve.Dialer(dialTimeout)}
	cfg := o.Config
	cfg.Open, cfg.OpenTimeout, cfg.Datagrams = s.open, openTimeout, s.datagrams
	serve.Main(cfg)
}

func (s *server) open(ctx context.Context, client net.Conn) (a, b net.Conn, err error) {
	stream, dest, err := s.key.Accept(client, &s.seen)
	if err != nil {
		return nil, nil, serve.Unanswered(err)
	}
	target, err := s.dialer.DialContext(ctx, "tcp", dest.String())
	if err != nil {
		return nil, nil, err
	}
	return stream, target, nil
}

// datagrams relays what comes over UDP. Errors of datagrams are counted, not
// logged: whoever wants to can cause any number of them.
func (s *server) datagrams(c *net.UDPConn, relay vecio.RelayConfig) (*vecio.FlowTable, error) {
	names.Widen(c)
	batch, err := vecio.NewBatchConn(c, vecio.BatchConfig{})
	if err != nil {
		return nil, err
	}
	sender := &names.Sender{Resolver: &s.names}
	table, err := vecio.NewFlowTable(batch, vecio.FlowTableConfig{
		Open: names.OpenAny,
		Up: func(_, datagram []byte, client netip.AddrPort) ([]byte, netip.AddrPort, error) {
			to, payload, err := s.key.OpenDatagram(datagram, &s.seenDatagrams)
			if err != nil {
				return nil, netip.AddrPort{}, err
			}
			return sender.Send(client, to, payload)
		},
		Down: func(dst, payload []byte, source netip.AddrPort) ([]byte, error) {
			return s.key.SealDatagram(dst, socks.FromAddrPort(source), payload, &s.seenDatagrams)
		},
		DownGrowth:  ss.MaxDatagramOverhead,
		IdleTimeout: relay.IdleTimeout,
		Parker:      relay.Parker,
		Pool:        relay.Pool,
	})
	if err == nil {
		sender.Serve(table)
	}
	return table, err
}

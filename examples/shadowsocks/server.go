package main

import (
	"context"
	"net"
	"time"

	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/ss"
)

// openTimeout is when a server closes a connection that has not authenticated
// itself, in whatever way: silence, half a request and garbage look the same.
const openTimeout = time.Minute

// A server takes streams from clients to where they want to go.
type server struct {
	key    *ss.Key
	seen   ss.Salts
	dialer net.Dialer
}

func runServer(args []string) {
	o := newOptions("server", "127.0.0.1:8388")
	key := o.parse(args)
	s := &server{key: key, dialer: net.Dialer{Timeout: dialTimeout}}
	cfg := o.config
	cfg.Open, cfg.OpenTimeout = s.open, openTimeout
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

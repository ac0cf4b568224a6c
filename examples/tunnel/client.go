package main

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

func runClient(args []string) {
	o := newOptions("client", "127.0.0.1:1080")
	server := o.Server()
	sessions := o.Count("sessions", 1, 1, "spread the streams of h2 and quic over `n` connections at most")
	user := o.Set.String("user", "tunnel", "log in with ssh as this `user`")
	o.Parse(args)
	t, err := newClient(*o.transport, *o.dir, *server, *user, *sessions)
	if err != nil {
		log.Fatal(err)
	}
	defer t.close()
	cfg := o.Config
	if t.stats != nil {
		cfg.Vars = map[string]func() any{"sessions": t.stats}
	}
	cfg.Open = func(ctx context.Context, app net.Conn) (a, b net.Conn, err error) {
		dest, err := socks.Accept(app, nil)
		if err != nil {
			return nil, nil, err
		}
		stream, err := t.dial(ctx, dest)
		if err != nil {
			return nil, nil, socks.Refuse(app, err)
		}
		if err := socks.Grant(app, nil); err != nil {
			_ = stream.Close()
			return nil, nil, err
		}
		return app, stream, nil
	}
	serve.Main(cfg)
}

func newClient(name, dir, server, user string, sessions int) (transport, error) {
	if sessions > 1 && name != "h2" && name != "quic" {
		return transport{}, fmt.Errorf("-transport %q has no -sessions", name)
	}
	switch name {
	case "tcp":
		return plainClient(server, nil), nil
	case "tls", "ech":
		config, err := clientTLS(dir, protocolPlain, name == "ech")
		return plainClient(server, config), err
	case "h2":
		config, err := clientTLS(dir, protocolH2, false)
		if err != nil {
			return transport{}, err
		}
		return pooledClient(h2Pool(server, sessions, config))
	case "quic":
		config, err := clientTLS(dir, protocolPlain, false)
		if err != nil {
			return transport{}, err
		}
		return pooledClient(quicPool(server, sessions, config))
	case "ssh":
		return sshClient(dir, server, user)
	}
	return transport{}, fmt.Errorf("-transport %q is none of tcp, tls, ech, ssh, h2, quic", name)
}

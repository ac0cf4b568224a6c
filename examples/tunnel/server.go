package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"

	"github.com/headrace-go/headrace/examples/internal/serve"
)

func runServer(args []string) {
	o := newOptions("server", "127.0.0.1:8443")
	generated := o.Set.Bool("generate", false, "make new keys first, as keygen does")
	o.Parse(args)
	if *generated {
		if err := generate(*o.dir, "tunnel.example"); err != nil {
			log.Fatal(err)
		}
	}
	t, err := newServer(*o.transport, *o.dir)
	if err != nil {
		log.Fatal(err)
	}
	cfg := o.Config
	t.serve(&cfg)
	serve.Main(cfg)
}

// serve completes cfg with the server's part.
func (t transport) serve(cfg *serve.Config) {
	dialer := net.Dialer{Timeout: dialTimeout}
	cfg.Streams, cfg.Sessions = t.streams, t.sessions
	cfg.Open = func(ctx context.Context, client net.Conn) (a, b net.Conn, err error) {
		stream, dest, err := t.request(ctx, client)
		if err != nil {
			return nil, nil, err
		}
		target, err := dialer.DialContext(ctx, "tcp", dest)
		if answerErr := t.answer(stream, err); err != nil || answerErr != nil {
			if err == nil {
				_ = target.Close()
			}
			return nil, nil, errors.Join(err, answerErr)
		}
		return stream, target, nil
	}
}

func newServer(name, dir string) (transport, error) {
	switch name {
	case "tcp":
		return plainServer(nil), nil
	case "tls", "ech":
		config, err := serverTLS(dir, protocolPlain, name == "ech")
		return plainServer(config), err
	case "h2":
		config, err := serverTLS(dir, protocolH2, false)
		return h2Server(config), err
	case "quic":
		config, err := serverTLS(dir, protocolPlain, false)
		return quicServer(config), err
	case "ssh":
		return sshServer(dir)
	}
	return transport{}, fmt.Errorf("-transport %q is none of tcp, tls, ech, ssh, h2, quic", name)
}

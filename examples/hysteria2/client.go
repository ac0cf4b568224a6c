package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"syscall"
	"time"

	"github.com/headrace-go/headrace/connpool"
	"github.com/headrace-go/headrace/examples/internal/certificate"
	"github.com/headrace-go/headrace/examples/internal/hysteria2"
	"github.com/headrace-go/headrace/examples/internal/role"
	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/mux"
)

// A client takes applications' connections and datagrams to the server.
type client struct {
	pool *mux.Pool
	fast bool // do not wait for the server's answer
}

func runClient(args []string) {
	o := role.New(program, "client", "127.0.0.1:1080")
	password, server := o.Password(), o.Server()
	name := o.Set.String("name", "", "the `name` that its certificate is for; that of the address by default")
	ca := o.Set.String("ca", "", "trust the certificates in this `file`, and not the system's")
	fast := o.Set.Bool("fast", false, "let applications send before the server has reached their destination")
	sessions := o.Count("sessions", 1, 1, "spread connections over `n` QUIC connections at most")
	o.Parse(args)
	if *name == "" {
		*name, _, _ = net.SplitHostPort(*server)
	}
	roots, err := certificate.Authorities(*ca)
	if err != nil {
		log.Fatal(err)
	}
	tickets, err := connpool.NewSessionCache(connpool.SessionConfig{})
	if err != nil {
		log.Fatal(err)
	}
	config := hysteria2.ClientConfig{
		Server:   *server,
		Password: *password,
		TLS: &tls.Config{
			ServerName: *name, RootCAs: roots, MinVersion: tls.VersionTLS13, ClientSessionCache: tickets.For(""),
		},
	}
	c := &client{fast: *fast}
	c.pool, err = mux.NewPool(mux.PoolConfig{
		Dial: func(ctx context.Context) (mux.Session, error) {
			s, err := hysteria2.Dial(ctx, config)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
		DialTimeout: dialTimeout,
		MaxSessions: *sessions,
		MaxBackoff:  time.Second, // somebody waits for each connection
	})
	if err != nil {
		log.Fatal(err)
	}
	cfg := o.Config
	cfg.Vars = map[string]func() any{"sessions": func() any { return c.pool.Stats() }}
	cfg.Open = c.open
	serve.Main(cfg)
	if err := c.pool.Close(); err != nil {
		log.Print(err)
	}
}

// open asks the server for what the application asks for.
func (c *client) open(ctx context.Context, app net.Conn) (a, b net.Conn, err error) {
	dest, datagrams, err := socks.AcceptAny(app, nil)
	if err != nil {
		return nil, nil, err
	}
	if datagrams {
		return c.associate(ctx, app, dest)
	}
	st, err := c.pool.OpenWith(ctx, mux.Interactive, func(ctx context.Context, s mux.Session) (mux.Stream, error) {
		return asStream(s.(*hysteria2.Client).Connect(ctx, dest))
	})
	if err != nil {
		return nil, nil, socks.Refuse(app, err)
	}
	if !c.fast {
		established, err := st.(*hysteria2.Stream).Established(ctx)
		if err != nil {
			_ = st.Close()
			return nil, nil, socks.Refuse(app, asReply(err))
		}
		st = established
	}
	if err := socks.Grant(app, nil); err != nil {
		_ = st.Close()
		return nil, nil, err
	}
	return app, st, nil
}

// associate makes a session of datagrams.
func (c *client) associate(ctx context.Context, app net.Conn, claimed socks.Addr) (a, b net.Conn, err error) {
	st, err := c.pool.OpenWith(ctx, mux.Interactive, func(_ context.Context, s mux.Session) (mux.Stream, error) {
		return asStream(s.(*hysteria2.Client).Associate(app, claimed))
	})
	if err != nil {
		return nil, nil, socks.Refuse(app, err)
	}
	if err := socks.Grant(app, st.LocalAddr()); err != nil {
		_ = st.Close()
		return nil, nil, err
	}
	return app, st, nil
}

// asReply makes an error of the server's refusal that a SOCKS5 client is told of:
// why the server could not reach a destination it says in words only.
func asReply(err error) error {
	if _, ok := errors.AsType[*hysteria2.RefusedError](err); ok {
		return fmt.Errorf("%w: %w", syscall.ECONNREFUSED, err)
	}
	return err
}

// asStream makes nil of no stream.
func asStream[S mux.Stream](s S, err error) (mux.Stream, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

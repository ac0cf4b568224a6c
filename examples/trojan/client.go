package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"time"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/trojan"
	"github.com/headrace-go/headrace/vecio"
)

// sessions is how many servers' sessions are remembered: a client has one
// server, which may have several names in its time.
const sessions = 8

// A client takes applications' connections to the server.
type client struct {
	key      trojan.Key
	server   string
	tls      *tls.Config
	coalesce vecio.CoalesceConfig
	wait     time.Duration // for the application's first bytes
	dialer   net.Dialer
}

func runClient(args []string) {
	o := newOptions("client", "127.0.0.1:1080")
	server := o.set.String("server", "", "the `address` of the server")
	name := o.set.String("name", "", "the `name` that its certificate is for; that of the address by default")
	ca := o.set.String("ca", "", "trust the certificates in this `file`, and not the system's")
	// Whoever speaks first does so at once. For the others, whose server speaks
	// first, this is what every connection loses, less the time of a handshake.
	wait := o.set.Duration("wait", 5*time.Millisecond,
		"wait for an application's first bytes for this `time`, to send them along with the request")
	password := o.parse(args)
	c := &client{key: password, server: *server, wait: *wait, dialer: net.Dialer{Timeout: dialTimeout}}
	host, _, err := net.SplitHostPort(*server)
	if err != nil {
		log.Fatalf("-server: %v", err)
	}
	if *wait <= 0 {
		log.Fatalf("-wait %v is not a time to wait", *wait)
	}
	if *name == "" {
		*name = host
	}
	roots, err := authorities(*ca)
	if err != nil {
		log.Fatal(err)
	}
	c.tls = &tls.Config{
		ServerName:                  *name,
		RootCAs:                     roots,
		MinVersion:                  tls.VersionTLS13,
		NextProtos:                  []string{"http/1.1"},
		ClientSessionCache:          tls.NewLRUClientSessionCache(sessions),
		DynamicRecordSizingDisabled: true,
	}
	c.coalesce = o.coalesce()
	cfg := o.config
	cfg.Open = c.open
	serve.Main(cfg)
}

// open asks the server for what the application asks for. The server does not
// say whether it could reach that, so the application is told that it could as
// soon as the server is there.
func (c *client) open(ctx context.Context, app net.Conn) (a, b net.Conn, err error) {
	dest, err := socks.Accept(app, nil)
	if err != nil {
		return nil, nil, err
	}
	raw, err := c.dialer.DialContext(ctx, "tcp", c.server)
	if err != nil {
		return nil, nil, socks.Refuse(app, err)
	}
	stream, err := c.request(ctx, app, raw, trojan.Connect, dest)
	if err != nil {
		_ = raw.Close()
		return nil, nil, err
	}
	return app, stream, nil
}

// request opens a stream to dest, with the application's first bytes on it.
func (c *client) request(ctx context.Context, app, raw net.Conn, command trojan.Command, dest socks.Addr) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := socks.Grant(app, nil); err != nil {
		return nil, err
	}
	until := time.Now().Add(c.wait)
	// The application finds its first words while we shake hands.
	under := vecio.Coalesce(raw, c.coalesce)
	top := tls.Client(under, c.tls)
	if err := top.Handshake(); err != nil {
		return nil, err
	}
	first, err := firstBytes(app, until)
	if err != nil {
		return nil, err
	}
	if first != nil {
		defer bufpool.Default().Put(first)
	}
	stream := vecio.Layered(top, under)
	return stream, trojan.Request(stream, c.key, command, dest, first)
}

// firstBytes returns what the application has to say first, or nil, which may
// be all there is. The caller puts it back into bufpool.Default.
func firstBytes(app net.Conn, until time.Time) ([]byte, error) {
	// What has come is read even when it is late.
	if now := time.Now().Add(minWait); until.Before(now) {
		until = now
	}
	if err := app.SetReadDeadline(until); err != nil {
		return nil, err
	}
	first, err := vecio.ReadReady(app, bufpool.Default())
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
	case errors.Is(err, io.EOF): // the relay will find it again
	case err != nil:
		return nil, err
	}
	return first, app.SetReadDeadline(time.Time{})
}

// minWait is long enough for a read of what is there.
const minWait = time.Millisecond

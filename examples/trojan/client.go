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

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/connpool"
	"github.com/headrace-go/headrace/examples/internal/certificate"
	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/trojan"
	"github.com/headrace-go/headrace/examples/internal/warm"
	"github.com/headrace-go/headrace/vecio"
)

// A client takes applications' connections to the server.
type client struct {
	key     trojan.Key
	server  string
	tls     *tls.Config
	records tlsrecord.Config
	wait    time.Duration // for the application's first bytes
	dialer  net.Dialer
	source  *warm.Source // of TLS connections, or of TCP connections if none are kept warm
}

func runClient(args []string) {
	o := newOptions("client", "127.0.0.1:1080")
	server := o.Server()
	name := o.Set.String("name", "", "the `name` that its certificate is for; that of the address by default")
	ca := o.Set.String("ca", "", "trust the certificates in this `file`, and not the system's")
	wait := o.Wait() // the time of a handshake is part of it
	ready := o.Count("warm", 0, 0, warm.Usage)
	password := o.parse(args)
	c := &client{key: password, server: *server, wait: *wait, dialer: serve.Dialer(dialTimeout)}
	if *name == "" {
		*name, _, _ = net.SplitHostPort(*server)
	}
	roots, err := certificate.Authorities(*ca)
	if err != nil {
		log.Fatal(err)
	}
	// One ticket resumes one connection, so a burst takes several.
	sessions, err := connpool.NewSessionCache(connpool.SessionConfig{})
	if err != nil {
		log.Fatal(err)
	}
	c.tls = &tls.Config{
		ServerName:                  *name,
		RootCAs:                     roots,
		MinVersion:                  tls.VersionTLS13,
		NextProtos:                  []string{"http/1.1"},
		ClientSessionCache:          sessions.For(""),
		DynamicRecordSizingDisabled: true,
	}
	c.records = o.records()
	dial := c.dial
	if *ready > 0 {
		dial = c.dialTLS
	}
	if c.source, err = warm.New(*ready, dial); err != nil {
		log.Fatal(err)
	}
	cfg := o.Config
	cfg.Open = c.open
	serve.Main(cfg)
	if err := c.source.Close(); err != nil {
		log.Print(err)
	}
}

// dial connects to the server.
func (c *client) dial(ctx context.Context) (net.Conn, error) {
	return c.dialer.DialContext(ctx, "tcp", c.server)
}

// dialTLS connects to the server and makes the handshake.
func (c *client) dialTLS(ctx context.Context) (net.Conn, error) {
	raw, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := tlsrecord.Client(ctx, raw, c.tls, c.records)
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return conn, nil
}

// open asks the server for what the application asks for. The server does not
// say whether it could reach that, so the application is told that it could as
// soon as the server is there.
func (c *client) open(ctx context.Context, app net.Conn) (a, b net.Conn, err error) {
	dest, datagrams, err := socks.AcceptAny(app, nil)
	if err != nil {
		return nil, nil, err
	}
	server, err := c.source.Get(ctx)
	if err != nil {
		return nil, nil, socks.Refuse(app, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = server.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if datagrams {
		a, b, err = c.associate(app, server, dest)
	} else {
		a, b, err = c.connect(app, server, dest)
	}
	if err != nil {
		_ = server.Close()
	}
	return a, b, err
}

// connect opens a stream to dest, with the application's first bytes on it.
func (c *client) connect(app, server net.Conn, dest socks.Addr) (a, b net.Conn, err error) {
	if err := socks.Grant(app, nil); err != nil {
		return nil, nil, err
	}
	until := time.Now().Add(c.wait)
	stream, err := c.stream(server) // meanwhile the application finds its first words
	if err != nil {
		return nil, nil, err
	}
	first, err := firstBytes(app, until)
	if err != nil {
		return nil, nil, err
	}
	if first != nil {
		defer bufpool.Default().Put(first)
	}
	return app, stream, trojan.Request(stream, c.key, trojan.Connect, dest, first)
}

// associate opens a stream for the application's datagrams.
func (c *client) associate(app, server net.Conn, claimed socks.Addr) (a, b net.Conn, err error) {
	stream, err := c.stream(server)
	if err == nil {
		err = trojan.Request(stream, c.key, trojan.Associate, socks.Addr{}, nil)
	}
	if err != nil {
		return nil, nil, socks.Refuse(app, err)
	}
	packets, err := trojan.NewAssociation(app, claimed)
	if err != nil {
		return nil, nil, socks.Refuse(app, err)
	}
	if err := socks.Grant(app, packets.LocalAddr()); err != nil {
		_ = packets.Close()
		return nil, nil, err
	}
	return packets, stream, nil
}

// stream makes a stream of what the source has: after a handshake, unless that
// is over.
func (c *client) stream(server net.Conn) (net.Conn, error) {
	if conn, ok := server.(*tlsrecord.Conn); ok {
		return conn, nil
	}
	conn, err := tlsrecord.Client(context.Background(), server, c.tls, c.records) // open bounds the time
	if err != nil {
		return nil, err
	}
	return conn, nil
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

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"time"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/examples/internal/certificate"
	"github.com/headrace-go/headrace/examples/internal/names"
	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/trojan"
	"github.com/headrace-go/headrace/vecio"
)

// openTimeout is as long as a web server waits for a request.
const openTimeout = time.Minute

// A server takes streams from clients to where they want to go, and everybody
// else to a web server.
type server struct {
	key      trojan.Key
	tls      *tls.Config
	records  tlsrecord.Config
	fallback string // "" if there is none
	names    names.Resolver
	dialer   net.Dialer
}

func runServer(args []string) {
	o := newOptions("server", "127.0.0.1:8443")
	cert := o.Set.String("cert", "", "the certificate's `file`; written, with -selfsigned")
	key := o.Set.String("key", "", "the `file` of its key")
	name := o.Set.String("selfsigned", "", "make a certificate for this `name`")
	fallback := o.Set.String("fallback", "", "hand those who are not clients to the web server at `address`; they are closed without one")
	password := o.parse(args)
	s := &server{key: password, fallback: *fallback, dialer: serve.Dialer(dialTimeout)}
	identity, err := certificate.Identity(*cert, *key, *name)
	if err != nil {
		log.Fatal(err)
	}
	s.tls = &tls.Config{
		Certificates: []tls.Certificate{identity},
		MinVersion:   tls.VersionTLS12, // a web server's; our client's is 1.3
		NextProtos:   []string{"http/1.1"},
		// Small records are for browsers that draw what has come.
		DynamicRecordSizingDisabled: true,
	}
	s.records = o.records()
	cfg := o.Config
	cfg.Open, cfg.OpenTimeout = s.open, openTimeout
	serve.Main(cfg)
}

// open lets a client in, or hands a visitor on.
func (s *server) open(ctx context.Context, client net.Conn) (a, b net.Conn, err error) {
	conn, err := tlsrecord.Server(context.Background(), client, s.tls, s.records) // serve bounds the time
	if err != nil {
		return nil, nil, err
	}
	command, dest, err := trojan.Accept(conn, s.key)
	a = conn
	stranger, strange := errors.AsType[*trojan.StrangerError](err)
	switch {
	case strange && s.fallback != "":
		a = vecio.Prefixed(conn, stranger.Read)
		b, err = s.dialer.DialContext(ctx, "tcp", s.fallback)
	case err != nil:
	case command == trojan.Associate:
		b, err = trojan.Direct(&s.names)
	default:
		b, err = s.dialer.DialContext(ctx, "tcp", dest.String())
	}
	if err != nil {
		_ = conn.CloseWrite() // it fails only on a connection that is gone
		return nil, nil, err
	}
	return a, b, nil
}

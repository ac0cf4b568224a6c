package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"

	"github.com/headrace-go/headrace/examples/internal/certificate"
	"github.com/headrace-go/headrace/examples/internal/hysteria2"
	"github.com/headrace-go/headrace/examples/internal/names"
	"github.com/headrace-go/headrace/examples/internal/role"
	"github.com/headrace-go/headrace/examples/internal/serve"
)

// maxStreams is how many connections a client may have at once.
const maxStreams = 2000

func runServer(args []string) {
	o := role.New(program, "server", "127.0.0.1:8443")
	password := o.Password()
	cert := o.Set.String("cert", "", "the certificate's `file`; written, with -selfsigned")
	key := o.Set.String("key", "", "the `file` of its key")
	name := o.Set.String("selfsigned", "", "make a certificate for this `name`")
	site := o.Set.String("site", "", "show visitors the files of a `directory`, or what the web server at a URL answers")
	o.Parse(args)
	identity, err := certificate.Identity(*cert, *key, *name)
	if err != nil {
		log.Fatal(err)
	}
	handler, err := website(*site)
	if err != nil {
		log.Fatal(err)
	}
	config := hysteria2.ServerConfig{
		TLS:        &tls.Config{Certificates: []tls.Certificate{identity}, MinVersion: tls.VersionTLS13},
		Password:   *password,
		Site:       handler,
		MaxStreams: maxStreams,
		Names:      new(names.Resolver),
	}
	dialer := serve.Dialer(dialTimeout)
	cfg := o.Config
	cfg.Sessions = func(address string) (serve.SessionListener, error) {
		l, err := hysteria2.Listen(address, config)
		if err != nil {
			return nil, err
		}
		return l, nil
	}
	cfg.Open = func(ctx context.Context, client net.Conn) (a, b net.Conn, err error) {
		dest, err := hysteria2.Request(client)
		if err != nil {
			return nil, nil, err
		}
		target, err := dialer.DialContext(ctx, "tcp", dest)
		if answerErr := hysteria2.Respond(client, err); err != nil || answerErr != nil {
			if err == nil {
				_ = target.Close()
			}
			return nil, nil, errors.Join(err, answerErr)
		}
		return client, target, nil
	}
	serve.Main(cfg)
}

// website is what visitors find: the files of a directory, or another web
// server, or nothing.
func website(site string) (http.Handler, error) {
	if site == "" {
		return http.NotFoundHandler(), nil
	}
	if strings.HasPrefix(site, "http://") || strings.HasPrefix(site, "https://") {
		to, err := url.Parse(site)
		if err != nil {
			return nil, err
		}
		return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
		}}, nil
	}
	if info, err := os.Stat(site); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("-site %q is neither a directory nor a URL", site)
	}
	return http.FileServer(http.Dir(site)), nil
}

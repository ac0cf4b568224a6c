// Command socks5 is a SOCKS5 proxy (RFC 1928, RFC 1929) for CONNECT requests.
//
//	socks5 [-listen ADDR] [-user NAME -password PASSWORD] [-idle TIME] [-pool POOL] [-debug ADDR]
//
// It prints the address it listens on, logs one line per error, and ends with
// SIGINT. At the debug address it shows its counters (/debug/vars) and profiles
// (/debug/pprof/).
package main

import (
	"context"
	"crypto/subtle"
	"flag"
	"log"
	"net"
	"time"

	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// dialTimeout leaves time to tell the client, of the 10 seconds that serve and
// RFC 1928 grant.
const dialTimeout = 8 * time.Second

func main() {
	log.SetPrefix("socks5: ")
	var (
		listen   = flag.String("listen", "127.0.0.1:1080", "listen on `address`; port 0 takes a free one")
		user     = flag.String("user", "", "ask clients for this `name`; empty lets in everyone")
		password = flag.String("password", "", "ask clients for this `password`")
		idle     = flag.Duration("idle", 5*time.Minute, "close connections that are idle for this `time`")
		debug    = flag.String("debug", "", "show counters and profiles on `address`")
	)
	var cfg serve.Config
	flag.Func("pool", serve.PoolUsage, cfg.UsePool)
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("unexpected argument %q", flag.Arg(0))
	}
	if (*user == "") != (*password == "") {
		log.Fatal("-user and -password go together")
	}
	if *idle <= 0 {
		log.Fatalf("-idle %v is not a time to wait", *idle)
	}
	p := &proxy{dialer: net.Dialer{Timeout: dialTimeout}}
	if *user != "" {
		p.check = checker(*user, *password)
	}
	cfg.Listen, cfg.Debug, cfg.Open = *listen, *debug, p.open
	cfg.Relay.IdleTimeout = *idle
	serve.Main(cfg)
}

// checker lets in who brings this name and password, in constant time.
func checker(user, password string) func(u, p []byte) bool {
	return func(u, p []byte) bool {
		return subtle.ConstantTimeCompare(u, []byte(user))&subtle.ConstantTimeCompare(p, []byte(password)) == 1
	}
}

type proxy struct {
	dialer net.Dialer
	check  func(user, password []byte) bool // nil lets in everyone
}

// open does what the client asks for, and tells it how that went.
func (p *proxy) open(ctx context.Context, client net.Conn) (a, b net.Conn, err error) {
	dest, err := socks.Accept(client, p.check)
	if err != nil {
		return nil, nil, err
	}
	target, err := p.dialer.DialContext(ctx, "tcp", dest.String())
	if err != nil {
		return nil, nil, socks.Refuse(client, err)
	}
	if err := socks.Grant(client, target.LocalAddr()); err != nil {
		_ = target.Close()
		return nil, nil, err
	}
	return client, target, nil
}

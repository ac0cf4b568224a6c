// Command socks5 is a SOCKS5 proxy (RFC 1928, RFC 1929) for CONNECT and UDP
// ASSOCIATE requests. On the same port it is an HTTP proxy for CONNECT.
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
	"errors"
	"flag"
	"log"
	"net"
	"net/netip"
	"time"

	"github.com/headrace-go/headrace/examples/internal/associate"
	"github.com/headrace-go/headrace/examples/internal/httpconnect"
	"github.com/headrace-go/headrace/examples/internal/names"
	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/vecio"
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
	p := &proxy{dialer: serve.Dialer(dialTimeout)}
	if *user != "" {
		p.check = checker(*user, *password)
	}
	cfg.Listen, cfg.Debug, cfg.Open = *listen, *debug, p.open
	cfg.Relay.IdleTimeout = *idle
	cfg.Started = func(relay vecio.RelayConfig) { p.relay = relay }
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
	names  names.Resolver
	relay  vecio.RelayConfig // what associations share with connections
}

// open does what the client asks for, and tells it how that went.
func (p *proxy) open(ctx context.Context, client net.Conn) (a, b net.Conn, err error) {
	dest, datagrams, err := socks.AcceptAny(client, p.check)
	if e, ok := errors.AsType[*socks.StrangerError](err); ok && httpconnect.Looks(e.Read[:]) {
		return p.openHTTP(ctx, client, e.Read[:])
	}
	if err != nil {
		return nil, nil, err
	}
	var bound net.Addr
	if datagrams {
		var c *associate.Conn
		if c, err = p.associate(client, dest); err == nil {
			b, bound = c, c.Socket()
		}
	} else if b, err = p.dialer.DialContext(ctx, "tcp", dest.String()); err == nil {
		bound = b.LocalAddr()
	}
	if err != nil {
		return nil, nil, socks.Refuse(client, err)
	}
	if err := socks.Grant(client, bound); err != nil {
		_ = b.Close()
		return nil, nil, err
	}
	return client, b, nil
}

// openHTTP is open for a client that speaks HTTP, of which begun has been read.
func (p *proxy) openHTTP(ctx context.Context, client net.Conn, begun []byte) (a, b net.Conn, err error) {
	dest, rest, err := httpconnect.Accept(client, begun, p.check)
	if err != nil {
		return nil, nil, err
	}
	if b, err = p.dialer.DialContext(ctx, "tcp", dest); err != nil {
		return nil, nil, httpconnect.Refuse(client, err)
	}
	if err := httpconnect.Grant(client); err != nil {
		_ = b.Close()
		return nil, nil, err
	}
	if len(rest) > 0 {
		client = vecio.Prefixed(client, rest)
	}
	return client, b, nil
}

// associate relays the client's datagrams for as long as it stays connected.
// Errors of datagrams are counted, not logged: whoever wants to can cause any
// number of them.
func (p *proxy) associate(client net.Conn, claimed socks.Addr) (*associate.Conn, error) {
	sender := &names.Sender{Resolver: &p.names}
	c, err := associate.Start(client, claimed, vecio.FlowTableConfig{
		Open: names.OpenAny,
		Up: func(_, datagram []byte, from netip.AddrPort) ([]byte, netip.AddrPort, error) {
			to, payload, err := socks.ParseDatagram(datagram)
			if err != nil {
				return nil, netip.AddrPort{}, err
			}
			return sender.Send(from, to, payload)
		},
		Down: func(dst, payload []byte, source netip.AddrPort) ([]byte, error) {
			return append(socks.AppendHeader(dst, socks.FromAddrPort(source)), payload...), nil
		},
		DownGrowth:  socks.MaxHeaderLen,
		IdleTimeout: p.relay.IdleTimeout,
		Parker:      p.relay.Parker,
		Pool:        p.relay.Pool,
	})
	if err == nil {
		sender.Serve(c.Table())
	}
	return c, err
}

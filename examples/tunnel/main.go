// Command tunnel is both sides of a tunnel: a client that applications reach by
// SOCKS5, and a server that goes on to where they want, with one of several ways
// between the two.
//
//	tunnel keygen [-dir DIR] [-name NAME]
//	tunnel server [-listen ADDR] [-transport TRANSPORT] [-dir DIR] [-generate] [-idle TIME] [-debug ADDR]
//	tunnel client [-listen ADDR] -server HOST:PORT [-transport TRANSPORT] [-sessions N] [-dir DIR] [-user NAME] [-idle TIME] [-debug ADDR]
//
// The transports are
//
//	tcp  a connection for each application's, as it is: for trusted networks
//	tls  the same under TLS 1.3; both sides show a certificate
//	ech  the same, with the server's name encrypted (Encrypted Client Hello)
//	ssh  channels of one SSH connection (direct-tcpip), as with ssh -W
//	h2   streams of an HTTP/2 connection (CONNECT) under TLS 1.3
//	quic streams of a QUIC connection, over UDP
//
// With -sessions the client has several connections of h2 or quic, as many as
// it needs, and N at most; at the debug address it shows what it does with them.
//
// keygen makes the keys of both sides; the client needs a copy of the directory
// without server.key and ech.key. It prints the address it listens on, logs one
// line per error, and ends with SIGINT.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/vecio"
)

const usage = "usage: tunnel keygen|server|client [flags]; -h after either lists its flags"

// dialTimeout bounds every dial.
const dialTimeout = 8 * time.Second

// A transport is one way between client and server.
type transport struct {
	// dial returns the client's way to a destination, through the server.
	dial func(ctx context.Context, dest socks.Addr) (net.Conn, error)
	// streams is the server's Config.Streams, nil if each connection is one.
	streams func(ctx context.Context, c net.Conn, deliver func(net.Conn)) error
	// sessions is the server's Config.Sessions, nil if it listens on TCP.
	sessions func(address string) (serve.SessionListener, error)
	// request returns where a stream or connection wants to go, and what it
	// stands for from then on.
	request func(ctx context.Context, c net.Conn) (stream net.Conn, dest string, err error)
	// answer tells the client how that went.
	answer func(stream net.Conn, err error) error
	// close ends what is shared between connections.
	close func()
	// stats tells of the client's sessions, nil if there are none.
	stats func() any
}

func main() {
	log.SetPrefix("tunnel: ")
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	switch role := os.Args[1]; role {
	case "keygen":
		runKeygen(os.Args[2:])
	case "server":
		runServer(os.Args[2:])
	case "client":
		runClient(os.Args[2:])
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
}

func runKeygen(args []string) {
	set := flag.NewFlagSet("tunnel keygen", flag.ExitOnError)
	dir := set.String("dir", ".", "write the keys to `directory`")
	name := set.String("name", "tunnel.example", "the server's `name`")
	_ = set.Parse(args) // exits by itself on an error
	if err := generate(*dir, *name); err != nil {
		log.Fatal(err)
	}
}

// options are the flags that server and client have.
type options struct {
	set                           *flag.FlagSet
	listen, transport, dir, debug string
	idle                          time.Duration
}

func newOptions(role, listen string) *options {
	o := &options{set: flag.NewFlagSet("tunnel "+role, flag.ExitOnError)}
	o.set.StringVar(&o.listen, "listen", listen, "listen on `address`; port 0 takes a free one")
	o.set.StringVar(&o.transport, "transport", "h2", "tcp, tls, ech, ssh, h2 or quic")
	o.set.StringVar(&o.dir, "dir", ".", "take the keys from `directory`")
	o.set.StringVar(&o.debug, "debug", "", "show counters and profiles on `address`")
	o.set.DurationVar(&o.idle, "idle", 5*time.Minute, "close connections that are idle for this `time`")
	return o
}

// parse ends the program if args make no sense.
func (o *options) parse(args []string) {
	_ = o.set.Parse(args) // exits by itself on an error
	if o.set.NArg() > 0 {
		log.Fatalf("unexpected argument %q", o.set.Arg(0))
	}
	if o.idle <= 0 {
		log.Fatalf("-idle %v is not a time to wait", o.idle)
	}
}

// config is what serve needs to know, but for the role's own part.
func (o *options) config() serve.Config {
	return serve.Config{Listen: o.listen, Debug: o.debug, Relay: vecio.RelayConfig{IdleTimeout: o.idle}}
}

func runServer(args []string) {
	o := newOptions("server", "127.0.0.1:8443")
	generated := o.set.Bool("generate", false, "make new keys first, as keygen does")
	o.parse(args)
	if *generated {
		if err := generate(o.dir, "tunnel.example"); err != nil {
			log.Fatal(err)
		}
	}
	t, err := newServer(o.transport, o.dir)
	if err != nil {
		log.Fatal(err)
	}
	cfg := o.config()
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

func runClient(args []string) {
	o := newOptions("client", "127.0.0.1:1080")
	server := o.set.String("server", "", "the `address` of the server")
	sessions := o.set.Int("sessions", 1, "spread the streams of h2 and quic over `n` connections at most")
	user := o.set.String("user", "tunnel", "log in with ssh as this `user`")
	o.parse(args)
	if _, _, err := net.SplitHostPort(*server); err != nil {
		log.Fatalf("-server: %v", err)
	}
	if *sessions < 1 {
		log.Fatalf("-sessions %d is no number of connections", *sessions)
	}
	t, err := newClient(o.transport, o.dir, *server, *user, *sessions)
	if err != nil {
		log.Fatal(err)
	}
	defer t.close()
	cfg := o.config()
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

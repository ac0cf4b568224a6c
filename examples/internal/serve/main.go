package serve

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/headrace-go/headrace/vecio"
)

// Main serves until SIGINT or SIGTERM, closes everything and returns; a second
// signal ends the program on the spot. When it is ready it says on standard
// output where it listens, a line each for clients and for Debug. If it cannot
// serve, it logs why and exits with status 1. Unless GOGC says otherwise, it
// collects garbage twice as often as Go does by itself.
func Main(cfg Config) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, cfg); err != nil {
		log.Fatal(err)
	}
}

// gcPercent is half of what Go has by itself: with a thousand connections a heap
// of twice what lives is most of what the process takes.
const gcPercent = 50

// run serves until ctx is done.
func run(ctx context.Context, cfg Config) (err error) {
	parker, err := vecio.NewParker()
	if err != nil {
		return err
	}
	defer func() { _ = parker.Close() }()
	cfg.Relay.Parker = parker
	if cfg.Relay.ParkAfter == 0 {
		cfg.Relay.ParkAfter = parkAfter
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := New(cfg)
	go giveBack(ctx, s.fresh, parker, cfg.Pool)
	if cfg.Started != nil {
		cfg.Started(s.cfg.Relay)
	}
	if cfg.Sessions != nil {
		ln, err := cfg.Sessions(cfg.Listen)
		if err != nil {
			return err
		}
		defer func() { _ = ln.Close() }() // ServeSessions has, unless it was not reached
		return announce(s, ln.Addr(), func() error { return s.ServeSessions(ctx, ln) })
	}
	ln, socket, err := listen(cfg.Listen, cfg.Datagrams != nil)
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }() // Serve has, unless it was not reached
	if socket != nil {
		if s.datagrams, err = cfg.Datagrams(socket, s.cfg.Relay); err != nil {
			_ = socket.Close()
			return err
		}
		defer func() { err = errors.Join(err, s.datagrams.Close()) }()
	}
	return announce(s, ln.Addr(), func() error { return s.Serve(ctx, ln) })
}

// announce says where s listens, opens its debug address, if it has one, and
// has it serve.
func announce(s *Server, addr net.Addr, serve func() error) error {
	ready := fmt.Sprintf("listening on %v\n", addr)
	if s.cfg.Debug != "" {
		debug, err := net.Listen("tcp", s.cfg.Debug)
		if err != nil {
			return err
		}
		srv := startDebug(debug, s)
		defer func() { _ = srv.Close() }()
		ready += fmt.Sprintf("debug on %v\n", debug.Addr())
	}
	if _, err := os.Stdout.WriteString(ready); err != nil {
		return err
	}
	return serve()
}

// listenTries is how often a free port is looked for that is free for UDP, too.
const listenTries = 100

// listen returns a listener, and a UDP socket of the same address if asked to.
func listen(address string, datagrams bool) (net.Listener, *net.UDPConn, error) {
	config := listenConfig()
	for try := 1; ; try++ {
		ln, err := config.Listen(context.Background(), "tcp", address)
		if err != nil || !datagrams {
			return ln, nil, err
		}
		at := net.UDPAddrFromAddrPort(ln.Addr().(*net.TCPAddr).AddrPort())
		socket, err := net.ListenUDP("udp", at)
		if err == nil {
			return ln, socket, nil
		}
		_ = ln.Close()
		if _, port, _ := net.SplitHostPort(address); port != "0" || try == listenTries {
			return nil, nil, err
		}
	}
}

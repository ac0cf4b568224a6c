package serve

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/headrace-go/headrace/vecio"
)

// Main serves until SIGINT or SIGTERM, closes everything and returns; a second
// signal ends the program on the spot. When it is ready it says on standard
// output where it listens, a line each for clients and for Debug. If it cannot
// serve, it logs why and exits with status 1.
func Main(cfg Config) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, cfg); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, cfg Config) error {
	parker, err := vecio.NewParker()
	if err != nil {
		return err
	}
	defer func() { _ = parker.Close() }()
	cfg.Relay.Parker = parker
	s := New(cfg)
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }() // Serve has, unless it was not reached
	ready := fmt.Sprintf("listening on %v\n", ln.Addr())
	if cfg.Debug != "" {
		debug, err := net.Listen("tcp", cfg.Debug)
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
	return s.Serve(ctx, ln)
}

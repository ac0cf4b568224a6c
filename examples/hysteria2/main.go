// Command hysteria2 is both sides of a Hysteria 2 proxy, over QUIC: a server that
// is a web server to those who do not know the password, and a client that
// applications reach by SOCKS5, for TCP and UDP.
//
//	hysteria2 server [-listen ADDR] -password PASSWORD {-cert FILE -key FILE | -selfsigned NAME [-cert FILE]} [-site DIR|URL] [flags]
//	hysteria2 client [-listen ADDR] -password PASSWORD -server HOST:PORT [-name NAME] [-ca FILE] [-fast] [-sessions N] [flags]
//
// With -selfsigned the server makes a certificate for NAME on the spot, and
// writes it to -cert, for the clients' -ca. Visitors who are not clients get the
// files of a directory, or what the web server at a URL answers.
//
// It prints the address it listens on, logs one line per error, and ends with
// SIGINT. At the debug address it shows its counters (/debug/vars) and profiles
// (/debug/pprof/).
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"time"

	"github.com/headrace-go/headrace/examples/internal/serve"
)

const usage = "usage: hysteria2 server|client [flags]; -h after either lists its flags"

// dialTimeout bounds every dial.
const dialTimeout = 8 * time.Second

// gcPercent is half of what Go has by itself: QUIC leaves garbage with each
// packet, and with a thousand connections a heap of twice what lives is most of
// what the process takes.
const gcPercent = 50

func main() {
	log.SetPrefix("hysteria2: ")
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	switch role := os.Args[1]; role {
	case "server":
		runServer(os.Args[2:])
	case "client":
		runClient(os.Args[2:])
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
}

// options are the flags that both roles have.
type options struct {
	set      *flag.FlagSet
	password string
	config   serve.Config // but for the role's own part
}

func newOptions(role, listen string) *options {
	o := &options{set: flag.NewFlagSet("hysteria2 "+role, flag.ExitOnError)}
	o.set.StringVar(&o.config.Listen, "listen", listen, "listen on `address`; port 0 takes a free one")
	o.set.StringVar(&o.password, "password", "", "the `password` that both sides share")
	o.set.StringVar(&o.config.Debug, "debug", "", "show counters and profiles on `address`")
	o.set.DurationVar(&o.config.Relay.IdleTimeout, "idle", 5*time.Minute, "close connections that are idle for this `time`")
	return o
}

// parse ends the program if args make no sense.
func (o *options) parse(args []string) {
	_ = o.set.Parse(args) // exits by itself on an error
	if o.set.NArg() > 0 {
		log.Fatalf("unexpected argument %q", o.set.Arg(0))
	}
	if o.config.Relay.IdleTimeout <= 0 {
		log.Fatalf("-idle %v is not a time to wait", o.config.Relay.IdleTimeout)
	}
	if o.password == "" {
		log.Fatal("-password is missing")
	}
}

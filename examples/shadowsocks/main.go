// Command shadowsocks is both sides of a Shadowsocks proxy (SIP004), for TCP and
// UDP: a server, and a client that applications reach by SOCKS5.
//
//	shadowsocks server [-listen ADDR] [-method METHOD] -password PASSWORD [-idle TIME] [-pool POOL] [-debug ADDR]
//	shadowsocks client [-listen ADDR] -server HOST:PORT [-method METHOD] -password PASSWORD [-wait TIME] [-warm N] [-idle TIME] [-pool POOL] [-debug ADDR]
//
// The methods are aes-128-gcm, aes-256-gcm and chacha20-ietf-poly1305. It prints
// the address it listens on, logs one line per error, and ends with SIGINT. At
// the debug address it shows its counters (/debug/vars) and profiles
// (/debug/pprof/).
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/ss"
)

const usage = "usage: shadowsocks server|client [flags]; -h after either lists its flags"

// dialTimeout bounds every dial.
const dialTimeout = 8 * time.Second

func main() {
	log.SetPrefix("shadowsocks: ")
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
	set              *flag.FlagSet
	method, password string
	config           serve.Config // but for the role's own part
}

func newOptions(role, listen string) *options {
	o := &options{set: flag.NewFlagSet("shadowsocks "+role, flag.ExitOnError)}
	o.set.StringVar(&o.config.Listen, "listen", listen, "listen on `address`; port 0 takes a free one")
	o.set.StringVar(&o.method, "method", "aes-256-gcm", "protect streams by `method`")
	o.set.StringVar(&o.password, "password", "", "the `password` that both sides share")
	o.set.StringVar(&o.config.Debug, "debug", "", "show counters and profiles on `address`")
	o.set.Func("pool", serve.PoolUsage, o.config.UsePool)
	o.set.DurationVar(&o.config.Relay.IdleTimeout, "idle", 5*time.Minute, "close connections that are idle for this `time`")
	return o
}

// parse ends the program if args make no sense.
func (o *options) parse(args []string) *ss.Key {
	_ = o.set.Parse(args) // exits by itself on an error
	if o.set.NArg() > 0 {
		log.Fatalf("unexpected argument %q", o.set.Arg(0))
	}
	if o.config.Relay.IdleTimeout <= 0 {
		log.Fatalf("-idle %v is not a time to wait", o.config.Relay.IdleTimeout)
	}
	key, err := ss.NewKey(o.method, o.password)
	if err != nil {
		log.Fatal(err)
	}
	key.Pool = o.config.Pool
	return key
}

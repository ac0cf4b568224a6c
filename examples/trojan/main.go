// Command trojan is both sides of a Trojan proxy: a server that looks like a
// web server to those who do not know the password, and a client that
// applications reach by SOCKS5.
//
//	trojan server [-listen ADDR] -password PASSWORD {-cert FILE -key FILE | -selfsigned NAME [-cert FILE]} [-fallback HOST:PORT] [flags]
//	trojan client [-listen ADDR] -password PASSWORD -server HOST:PORT [-name NAME] [-ca FILE] [-wait TIME] [-warm N] [flags]
//
// With -selfsigned the server makes a certificate for NAME on the spot, and
// writes it to -cert, for the clients' -ca. Visitors who are not clients are
// handed to -fallback, a web server without TLS.
//
// It prints the address it listens on, logs one line per error, and ends with
// SIGINT. At the debug address it shows its counters (/debug/vars) and profiles
// (/debug/pprof/).
package main

import (
	"time"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/examples/internal/role"
	"github.com/headrace-go/headrace/examples/internal/trojan"
)

const program = "trojan"

// dialTimeout bounds every dial.
const dialTimeout = 8 * time.Second

func main() {
	role.Main(program, role.Role{Name: "server", Run: runServer}, role.Role{Name: "client", Run: runClient})
}

// options are the flags that both roles have.
type options struct {
	*role.Options
	password *string
}

func newOptions(name, listen string) *options {
	o := &options{Options: role.New(program, name, listen)}
	o.password = o.Password()
	o.Pool()
	return o
}

// parse ends the program if args make no sense.
func (o *options) parse(args []string) trojan.Key {
	o.Parse(args)
	if o.Config.Pool == nil {
		o.Config.Pool = bufpool.Default()
	}
	return trojan.NewKey(*o.password)
}

// records says how TLS is read and written.
func (o *options) records() tlsrecord.Config {
	return tlsrecord.Config{Pool: o.Config.Pool}
}

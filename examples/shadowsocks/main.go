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
	"log"
	"time"

	"github.com/headrace-go/headrace/examples/internal/role"
	"github.com/headrace-go/headrace/examples/internal/ss"
)

// dialTimeout bounds every dial.
const dialTimeout = 8 * time.Second

func main() {
	role.Main("shadowsocks", role.Role{Name: "server", Run: runServer}, role.Role{Name: "client", Run: runClient})
}

// options are the flags that both roles have.
type options struct {
	*role.Options
	method, password *string
}

func newOptions(name, listen string) *options {
	o := &options{Options: role.New("shadowsocks", name, listen)}
	o.method = o.Set.String("method", "aes-256-gcm", "protect streams by `method`")
	o.password = o.Password()
	o.Pool()
	return o
}

// parse ends the program if args make no sense.
func (o *options) parse(args []string) *ss.Key {
	o.Parse(args)
	key, err := ss.NewKey(*o.method, *o.password)
	if err != nil {
		log.Fatal(err)
	}
	key.Pool = o.Config.Pool
	return key
}

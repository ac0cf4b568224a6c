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
	"flag"
	"log"
	"net"
	"time"

	"github.com/headrace-go/headrace/examples/internal/role"
	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

const program = "tunnel"

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
	role.Main(program, role.Role{Name: "keygen", Run: runKeygen},
		role.Role{Name: "server", Run: runServer}, role.Role{Name: "client", Run: runClient})
}

func runKeygen(args []string) {
	set := flag.NewFlagSet(program+" keygen", flag.ExitOnError)
	dir := set.String("dir", ".", "write the keys to `directory`")
	name := set.String("name", "tunnel.example", "the server's `name`")
	_ = set.Parse(args) // exits by itself on an error
	if err := generate(*dir, *name); err != nil {
		log.Fatal(err)
	}
}

// options are the flags that server and client have.
type options struct {
	*role.Options
	transport, dir *string
}

func newOptions(name, listen string) *options {
	o := &options{Options: role.New(program, name, listen)}
	o.transport = o.Set.String("transport", "h2", "tcp, tls, ech, ssh, h2 or quic")
	o.dir = o.Set.String("dir", ".", "take the keys from `directory`")
	return o
}

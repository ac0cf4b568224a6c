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
	"time"

	"github.com/headrace-go/headrace/examples/internal/role"
)

const program = "hysteria2"

// dialTimeout bounds every dial.
const dialTimeout = 8 * time.Second

func main() {
	role.Main(program, role.Role{Name: "server", Run: runServer}, role.Role{Name: "client", Run: runClient})
}

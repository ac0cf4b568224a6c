// Linkbridge joins two TUN devices, each in a network namespace, into one link
// with a rate, a delay and a bounded drop-tail queue in each direction.
//
// It creates the devices, prints a report as one line of JSON when they are
// there, and carries packets until SIGINT or SIGTERM; then it prints a last
// report, and the devices vanish with it. SIGUSR1 prints a report in between.
// Addresses, MTU and all the rest are set from outside: see package link.
//
//	ip netns add client && ip netns add server
//	linkbridge -client-ns /run/netns/client -server-ns /run/netns/server
//
// It needs Linux and root. Without them it exits with code 2.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/headrace-go/headrace/bench/internal/link/bridge"
)

type options struct {
	shape              bridge.Shape
	offload            bool
	clientNS, serverNS string
	clientTUN          string
	serverTUN          string
}

func main() {
	var o options
	flag.Int64Var(&o.shape.Rate, "rate", 0, "bits per second each way (0: 1000000000)")
	flag.DurationVar(&o.shape.Delay, "delay", 0, "one-way delay (0: 10ms; negative: none)")
	flag.Int64Var(&o.shape.Queue, "queue", 0, "bytes that may wait each way (0: rate times twice the delay; negative: none)")
	flag.Float64Var(&o.shape.Loss, "loss", 0, "part of the packets that the wire loses, from 0 to 1")
	flag.BoolVar(&o.offload, "offload", true, "carry multi-segment packets whole")
	flag.StringVar(&o.clientNS, "client-ns", "", "file of the client's network namespace (default: the current one)")
	flag.StringVar(&o.serverNS, "server-ns", "", "file of the server's network namespace (default: the current one)")
	flag.StringVar(&o.clientTUN, "client-tun", "link0", "name of the client's device")
	flag.StringVar(&o.serverTUN, "server-tun", "link0", "name of the server's device")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "linkbridge: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "linkbridge:", err)
		if errors.Is(err, bridge.ErrUnavailable) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

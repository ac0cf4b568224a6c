package main

import (
	"encoding/json"
	"os"
	"os/signal"

	"github.com/headrace-go/headrace/bench/internal/link/bridge"
	"golang.org/x/sys/unix"
)

func run(o options) error {
	// Without real time the link still works, at the mercy of the machine's load:
	// the report tells.
	_ = bridge.RealTime()
	client, err := bridge.CreateDevice(o.clientNS, o.clientTUN, o.offload)
	if err != nil {
		return err
	}
	defer client.Close()
	server, err := bridge.CreateDevice(o.serverNS, o.serverTUN, o.offload)
	if err != nil {
		return err
	}
	defer server.Close()
	b, err := bridge.New(o.shape, client, server)
	if err != nil {
		return err
	}
	defer b.Close()

	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGUSR1)
	out := json.NewEncoder(os.Stdout)
	report := func() {
		if out.Encode(b.Report()) != nil {
			b.Stop() // nobody listens any more
		}
	}
	ready, ended := make(chan struct{}), make(chan error)
	go func() { ended <- b.Run(func() { close(ready) }) }()
	<-ready
	report()
	for {
		select {
		case s := <-signals:
			if s == unix.SIGUSR1 {
				report()
			} else {
				b.Stop()
			}
		case err := <-ended:
			report()
			return err
		}
	}
}

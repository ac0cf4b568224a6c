// Poollink measures what a mux.Pool of several sessions is worth on a long link
// that loses packets, over HTTP/2 and over QUIC.
//
//	go run ./bench/cmd/record -o bench/results/pool-link.txt go run ./bench/cmd/poollink
//
// For each transport, and 1 and 4 sessions, bulk streams download as much as
// they can, while interactive ones, a new one for each turn and one that stays,
// exchange 64 bytes at fixed times (so that a slow turn delays no other one's
// measurement). Then, on a link without loss, one of 4 sessions is killed under
// 1000 streams. The output is in the Go benchmark format; runs are interleaved.
//
// It needs Linux and root. Without them it exits with code 2.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/headrace-go/headrace/bench/internal/link"
	"github.com/headrace-go/headrace/bench/internal/link/bridge"
)

type options struct {
	shape        bridge.Shape
	rounds       int
	warm, window time.Duration
	bulk, kill   int
	every        time.Duration
	bridge, tcp  string
	once         sync.Once
}

func main() {
	var o options
	flag.Int64Var(&o.shape.Rate, "rate", 100_000_000, "bits per second each way")
	flag.DurationVar(&o.shape.Delay, "delay", 25*time.Millisecond, "one-way delay")
	flag.Float64Var(&o.shape.Loss, "loss", 0.01, "part of the packets that is lost")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds over all combinations")
	flag.DurationVar(&o.warm, "warm", 3*time.Second, "time before each measurement")
	flag.DurationVar(&o.window, "window", 6*time.Second, "length of each measurement")
	flag.IntVar(&o.bulk, "bulk", 4, "streams that download")
	flag.DurationVar(&o.every, "every", 25*time.Millisecond, "time between the interactive turns")
	flag.IntVar(&o.kill, "kill", 1000, "streams under which a session is killed")
	flag.StringVar(&o.tcp, "tcp", "", "TCP's congestion `control`; default: the system's")
	flag.StringVar(&o.bridge, "bridge", "", "the linkbridge `program`; default: build it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := o.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "poollink:", err)
		if errors.Is(err, link.ErrUnavailable) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context) error {
	if o.bridge == "" {
		dir, err := os.MkdirTemp("", "poollink")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.bridge = filepath.Join(dir, "linkbridge")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.bridge, "github.com/headrace-go/headrace/bench/cmd/linkbridge")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build linkbridge: %w: %s", err, out)
		}
	}
	for range o.rounds {
		for _, transport := range transports {
			for _, sessions := range []int{1, 4} {
				if err := o.withLink(ctx, o.shape, func(l *link.Link) error { return o.underBulk(ctx, l, transport, sessions) }); err != nil {
					return fmt.Errorf("%s, %d sessions: %w", transport.name, sessions, err)
				}
			}
		}
	}
	calm := o.shape
	calm.Loss = 0
	for range o.rounds {
		for _, transport := range transports {
			if err := o.withLink(ctx, calm, func(l *link.Link) error { return o.killed(ctx, l, transport) }); err != nil {
				return fmt.Errorf("%s, a session killed: %w", transport.name, err)
			}
		}
	}
	return nil
}

// withLink runs f on a link of its own.
func (o *options) withLink(ctx context.Context, shape bridge.Shape, f func(*link.Link) error) error {
	l, err := link.New(ctx, link.Config{Shape: shape, Bridge: o.bridge, CongestionControl: o.tcp})
	if err != nil {
		return err
	}
	report, err := l.Report()
	if err == nil {
		o.describe(report)
		err = f(l)
	}
	return errors.Join(err, l.Close())
}

// describe prints what all the results have in common, once.
func (o *options) describe(r link.Report) {
	o.once.Do(func() {
		fmt.Printf("link: %d Mbit/s, %v each way, queue of %d bytes, %v %% lost; TCP: %s\n",
			r.Shape.Rate/1e6, r.Shape.Delay, r.Shape.Queue, 100*r.Shape.Loss, r.CongestionControl[0])
		fmt.Printf("\nUnit p50-ns better=lower\nUnit p99-ns better=lower\n\n")
	})
}

// line prints one result: pairs of a value and its unit.
func line(name string, n int, results ...any) {
	fmt.Printf("Benchmark%s %d", name, max(n, 1))
	for pair := range slices.Chunk(results, 2) {
		fmt.Printf(" %.5g %s", pair[0], pair[1])
	}
	fmt.Println()
}

// quantile returns the q-quantile of some times, in nanoseconds. It sorts them.
func quantile(times []time.Duration, q float64) float64 {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return float64(times[min(int(q*float64(len(times))), len(times)-1)])
}

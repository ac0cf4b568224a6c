package load

import (
	"context"
	"fmt"
	"net/rpc"
	"os"
	"os/exec"
	"time"

	"github.com/headrace-go/headrace/bench/internal/proc"
)

// Role is the argument with which this program is started to be the load
// generator.
const Role = "load"

// A Generator is a load generator's process. It does one measurement at a time.
type Generator struct {
	process *proc.Process
	client  *rpc.Client
}

// Start starts this program again as a load generator. wrap may be nil.
func Start(wrap func(*exec.Cmd) error) (*Generator, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	defer theirIn.Close()
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		ourOut.Close()
		return nil, fmt.Errorf("load: %w", err)
	}
	defer theirOut.Close()
	process, err := proc.Start(proc.Spec{
		Name: "load generator", Path: self, Args: []string{Role},
		Stdin: theirIn, Stdout: theirOut, Wrap: wrap,
	})
	if err != nil {
		ourOut.Close()
		ourIn.Close()
		return nil, err
	}
	return &Generator{process, rpc.NewClient(pipes{ourIn, ourOut})}, nil
}

// slack is what a Generator is given beyond a measurement's own limit.
const slack = 2 * time.Second

// call runs one measurement. A generator that does not answer in time, or
// whose ctx ends, is killed: its connections go with it.
func (g *Generator) call(ctx context.Context, limit time.Duration, method string, args, reply any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit+slack, fmt.Errorf("load: no answer within %v", limit+slack))
	defer cancel()
	call := g.client.Go(serviceName+"."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return call.Error
	case <-ctx.Done():
		_ = g.process.Stop(0)
		return context.Cause(ctx)
	}
}

// Throughput measures a Throughput.
func (g *Generator) Throughput(ctx context.Context, a Throughput) (r Flow, err error) {
	err = g.call(ctx, a.Limit, "Throughput", a, &r)
	return r, err
}

// RoundTrip measures a RoundTrip.
func (g *Generator) RoundTrip(ctx context.Context, a RoundTrip) (r Latency, err error) {
	err = g.call(ctx, a.Limit, "RoundTrip", a, &r)
	return r, err
}

// SetUp measures a SetUp.
func (g *Generator) SetUp(ctx context.Context, a SetUp) (r Latency, err error) {
	err = g.call(ctx, a.Limit, "SetUp", a, &r)
	return r, err
}

// Gather opens a Crowd and returns its size.
func (g *Generator) Gather(ctx context.Context, a Crowd) (n int, err error) {
	err = g.call(ctx, a.Limit, "Gather", a, &n)
	return n, err
}

// Stop ends the process; a Crowd ends with it.
func (g *Generator) Stop() {
	// How a generator ends says nothing about what it measured.
	_ = g.client.Close()
	_ = g.process.Stop(slack)
}

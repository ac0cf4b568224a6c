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

// Start starts this program again as a load generator. launch is as in
// proc.Spec.
func Start(launch func(*exec.Cmd) error) (*Generator, error) {
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
		Stdin: theirIn, Stdout: theirOut, Launch: launch,
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
func call[R any](ctx context.Context, g *Generator, method string, limit time.Duration, args any) (R, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit+slack, fmt.Errorf("load: hung: no answer within %v", limit+slack))
	defer cancel()
	reply := new(R)
	call := g.client.Go(serviceName+"."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return *reply, call.Error
	case <-ctx.Done():
		_ = g.process.Stop(0)
		var none R // reply may still be written to
		return none, context.Cause(ctx)
	}
}

// Throughput measures a Throughput.
func (g *Generator) Throughput(ctx context.Context, a Throughput) (Flow, error) {
	return call[Flow](ctx, g, "Throughput", a.Limit, a)
}

// RoundTrip measures a RoundTrip.
func (g *Generator) RoundTrip(ctx context.Context, a RoundTrip) (Latency, error) {
	return call[Latency](ctx, g, "RoundTrip", a.Limit, a)
}

// OpenLoop measures an OpenLoop.
func (g *Generator) OpenLoop(ctx context.Context, a OpenLoop) (Loaded, error) {
	return call[Loaded](ctx, g, "OpenLoop", a.Limit, a)
}

// SetUp measures a SetUp.
func (g *Generator) SetUp(ctx context.Context, a SetUp) (Latency, error) {
	return call[Latency](ctx, g, "SetUp", a.Limit, a)
}

// Gather opens a Crowd.
func (g *Generator) Gather(ctx context.Context, a Crowd) error {
	_, err := call[int](ctx, g, "Gather", a.Limit, a)
	return err
}

// Exchange lets the crowd do an Exchange.
func (g *Generator) Exchange(ctx context.Context, a Exchange) error {
	_, err := call[int](ctx, g, "Exchange", a.Limit, a)
	return err
}

// Move measures the crowd while all of it moves.
func (g *Generator) Move(ctx context.Context, a Busy) ([]int64, error) {
	return call[[]int64](ctx, g, "Move", a.Limit, a)
}

// Stick measures the crowd while all of it is stuck.
func (g *Generator) Stick(ctx context.Context, a Busy) ([]int64, error) {
	return call[[]int64](ctx, g, "Stick", a.Limit, a)
}

// Inside reads what programs publish of themselves.
func (g *Generator) Inside(ctx context.Context, a Inside) ([]Vars, error) {
	return call[[]Vars](ctx, g, "Inside", a.Limit, a)
}

// Stop ends the process; a Crowd ends with it.
func (g *Generator) Stop() {
	// How a generator ends says nothing about what it measured.
	_ = g.client.Close()
	_ = g.process.Stop(slack)
}

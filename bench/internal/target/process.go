package target

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/headrace-go/headrace/bench/internal/proc"
)

// Role is the argument with which this program is started to be the target;
// the address to listen on follows it.
const Role = "target"

// Main is the target's process: it serves until it is interrupted.
func Main(address string) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	fmt.Println("listening on", ln.Addr())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, func() { ln.Close() })
	if err := Serve(ln, log.New(os.Stderr, "", 0)); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// A Target is the target's process.
type Target struct {
	Address string // HOST:PORT
	process *proc.Process
}

// Start starts this program again as a target on a free port of host.
// launch is as in
// proc.Spec.
func Start(ctx context.Context, host string, launch func(*exec.Cmd) error) (*Target, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	process, err := proc.Start(proc.Spec{
		Name: "target", Path: self, Args: []string{Role, net.JoinHostPort(host, "0")}, Launch: launch,
	})
	if err != nil {
		return nil, err
	}
	address, err := process.Line(ctx, "listening on ")
	if err != nil {
		_ = process.Stop(0)
		return nil, err
	}
	return &Target{address, process}, nil
}

// Complaints returns how often the target has complained so far, and the last
// complaints after the first n.
func (t *Target) Complaints(n int) (int, []string) { return t.process.StderrAfter(n) }

// Stop ends the process.
func (t *Target) Stop() { _ = t.process.Stop(time.Second) }

package row

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/headrace-go/headrace/bench/internal/proc"
	"github.com/headrace-go/headrace/bench/internal/procfs"
)

// An Env is where rows run.
type Env struct {
	// Find returns the path of a program, one of ours or a peer's: both may have
	// the same name.
	Find func(program string, peer bool) (string, error)
	// Dir is a directory for scratch files.
	Dir string
	// Host returns the address of a side, and Launch starts a command there.
	// Nil means that both are 127.0.0.1 and that commands just start.
	Host   func(Side) string
	Launch func(Side, *exec.Cmd) error
}

// HostOf returns the address of a side.
func (e *Env) HostOf(s Side) string {
	if e.Host == nil {
		return "127.0.0.1"
	}
	return e.Host(s)
}

// LaunchOn returns what starts a command on a side; see proc.Spec.
func (e *Env) LaunchOn(s Side) func(*exec.Cmd) error {
	if e.Launch == nil {
		return nil
	}
	return func(cmd *exec.Cmd) error { return e.Launch(s, cmd) }
}

// startLimit bounds how long a process may take until it listens.
const startLimit = 10 * time.Second

// Processes are the processes of a row.
type Processes struct {
	Address string // of the last one; "" if there are none
	running []running
}

type running struct {
	step    string
	process *proc.Process
	address string
	debug   string // "" if it has none
}

// Start starts the processes of row and returns when all of them listen. On
// an error those that were started have been ended.
func Start(ctx context.Context, env *Env, row Row) (*Processes, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(1+len(row.Steps))*startLimit, errors.New("row: start took too long"))
	defer cancel()
	p := &Processes{}
	for _, step := range row.Steps {
		if err := p.start(ctx, env, row, step); err != nil {
			_ = p.Stop()
			return nil, fmt.Errorf("row: %s: start %s: %w", row.Name, step.Name, err)
		}
	}
	return p, nil
}

func (p *Processes) start(ctx context.Context, env *Env, row Row, step Step) error {
	path, err := env.Find(step.Program, row.Peer)
	if err != nil {
		return err
	}
	dir := filepath.Join(env.Dir, row.Name, step.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	port := 0
	if !step.Announces {
		if port, err = freePort(step.Network); err != nil {
			return err
		}
	}
	words, err := p.expander(env, dir, env.HostOf(step.Side), port)
	if err != nil {
		return err
	}
	for name, text := range step.Files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(words.expand(text)), 0o644); err != nil {
			return err
		}
	}
	var args []string
	for _, arg := range slices.Concat(step.Args, step.Debug) {
		args = append(args, words.expand(arg))
	}
	if err := words.err(); err != nil {
		return err
	}
	process, err := proc.Start(proc.Spec{
		Name: row.Name + " " + step.Name, Path: path, Args: args, Dir: dir, Launch: env.LaunchOn(step.Side),
	})
	if err != nil {
		return err
	}
	r := running{step: step.Name, process: process}
	p.running = append(p.running, r)
	if step.Announces {
		r.address, err = process.Line(ctx, "listening on ")
		if err == nil && step.Debug != nil {
			r.debug, err = process.Line(ctx, "debug on ")
		}
	} else {
		r.address = net.JoinHostPort(env.HostOf(step.Side), strconv.Itoa(port))
		err = awaitSocket(ctx, process, step.Network, port)
	}
	p.running[len(p.running)-1] = r
	p.Address = r.address
	return err
}

// awaitSocket waits until a socket is bound to port. It looks at the kernel's
// tables, since a trial connection would count as load, and cannot be made
// from outside of the process's network namespace.
func awaitSocket(ctx context.Context, p *proc.Process, network string, port int) error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		on, err := procfs.Listens(p.PID(), networkOf(network), port)
		switch {
		case on:
			return nil
		case err != nil && !errors.Is(err, os.ErrNotExist): // not there: it has ended
			return err
		}
		select {
		case <-ticker.C:
		case <-p.Done():
			return p.Exit()
		case <-ctx.Done():
			return fmt.Errorf("it does not listen on %s port %d: %w", networkOf(network), port, context.Cause(ctx))
		}
	}
}

func networkOf(network string) string {
	if network == "" {
		return "tcp"
	}
	return network
}

// freePort looks for a port that nobody uses, below the range from which
// outgoing connections take theirs.
func freePort(network string) (int, error) {
	var last error
	for range 50 {
		port := 20000 + rand.IntN(12000)
		address := ":" + strconv.Itoa(port)
		var c interface{ Close() error }
		var err error
		if networkOf(network) == "udp" {
			c, err = net.ListenPacket("udp", address)
		} else {
			c, err = net.Listen("tcp", address)
		}
		if err == nil {
			c.Close()
			return port, nil
		}
		last = err
	}
	return 0, fmt.Errorf("no free port: %w", last)
}

// PIDs returns the process ids, in the order of the steps.
func (p *Processes) PIDs() []int {
	pids := make([]int, len(p.running))
	for i, r := range p.running {
		pids[i] = r.process.PID()
	}
	return pids
}

// Debug returns the debug addresses of the processes, of those that have one.
func (p *Processes) Debug() []string {
	var addresses []string
	for _, r := range p.running {
		if r.debug != "" {
			addresses = append(addresses, r.debug)
		}
	}
	return addresses
}

// Watch returns a context that ends, with the reason as its cause, when one
// of the processes does.
func (p *Processes) Watch(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	for _, r := range p.running {
		go func() {
			select {
			case <-r.process.Done():
				cancel(r.process.Exit())
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(context.Canceled) }
}

// Stderr returns the last lines that each process has written, marked with
// its name.
func (p *Processes) Stderr() []string {
	var all []string
	for _, r := range p.running {
		for _, line := range r.process.Stderr() {
			all = append(all, r.step+": "+line)
		}
	}
	return all
}

// stopGrace is how long a process may take to end on an interrupt.
const stopGrace = 3 * time.Second

// Stop ends the processes, the last one first. The error tells of those that
// did not end cleanly.
func (p *Processes) Stop() error {
	var errs []error
	for i := len(p.running) - 1; i >= 0; i-- {
		errs = append(errs, p.running[i].process.Stop(stopGrace))
	}
	return errors.Join(errs...)
}

// Package proc starts processes, notices their end, keeps their last words
// and ends them, with all that they started themselves.
package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A Spec says what to start.
type Spec struct {
	Name string // for messages
	Path string
	Args []string
	Dir  string
	Env  []string // in addition to this process's own

	// Stdin and Stdout, where set, become the process's own; Start leaves
	// them open here. Without Stdout its lines are kept for Line.
	Stdin, Stdout *os.File

	// Launch, where set, starts the command instead of its Start: that is
	// how it comes into another network namespace. The process must be the
	// program itself, not one that has it as its child.
	Launch func(*exec.Cmd) error
}

// A Process is one that was started. Its methods may be called concurrently.
type Process struct {
	name   string
	cmd    *exec.Cmd
	stdout lines
	stderr lines
	done   chan struct{}
	err    error // valid once done is closed

	mu      sync.Mutex
	stopped bool
}

// Start starts a process as the leader of a process group of its own, so that
// it gets no signals meant for this process and can be ended as a whole. It
// starts one goroutine, which ends with the process. The process is killed if
// this process dies (on Linux).
func Start(spec Spec) (*Process, error) {
	p := &Process{name: spec.Name, done: make(chan struct{})}
	p.cmd = exec.Command(spec.Path, spec.Args...)
	p.cmd.Dir = spec.Dir
	p.cmd.Env = append(os.Environ(), spec.Env...)
	p.cmd.Stderr = &p.stderr
	if spec.Stdin != nil {
		p.cmd.Stdin = spec.Stdin
	}
	p.cmd.Stdout = io.Writer(&p.stdout)
	if spec.Stdout != nil {
		p.cmd.Stdout = spec.Stdout
	}
	// Bounds the wait for pipes that a grandchild keeps open.
	p.cmd.WaitDelay = time.Second
	ownGroup(p.cmd)
	launch := spec.Launch
	if launch == nil {
		launch = (*exec.Cmd).Start
	}
	if err := launch(p.cmd); err != nil {
		return nil, fmt.Errorf("proc: start %s: %w", spec.Name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Stderr returns the last lines that the process wrote to its standard error.
func (p *Process) Stderr() []string {
	_, last := p.stderr.after(0)
	return last
}

// StderrAfter returns how many lines the process has written to its standard
// error, and the last ones of those after the first n.
func (p *Process) StderrAfter(n int) (int, []string) { return p.stderr.after(n) }

// Line waits for a line of the process's standard output that begins with
// prefix, and returns the rest of it.
func (p *Process) Line(ctx context.Context, prefix string) (string, error) {
	for {
		rest, changed := p.stdout.find(prefix)
		if changed == nil {
			return rest, nil
		}
		select {
		case <-changed:
		case <-p.done:
			if rest, changed := p.stdout.find(prefix); changed == nil {
				return rest, nil
			}
			return "", p.Exit()
		case <-ctx.Done():
			return "", fmt.Errorf("proc: %s: no line %q: %w", p.name, prefix, ctx.Err())
		}
	}
}

// ErrExited: a process ended that should have gone on.
var ErrExited = errors.New("process ended by itself")

// Exit waits for the end of the process and returns it as an error that
// matches ErrExited and has the process's last words.
func (p *Process) Exit() error {
	<-p.done
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	err := fmt.Errorf("proc: %s: %w (%s)", p.name, ErrExited, how)
	if words := p.Stderr(); len(words) > 0 {
		err = fmt.Errorf("%w: %s", err, strings.Join(words[max(0, len(words)-4):], " | "))
	}
	return err
}

// Stop asks the process to end (SIGINT), kills its group if it has not ended
// after grace, and waits for the end. The error says that it had to be killed
// or that its exit status was not 0. Stop of a stopped process does nothing.
func (p *Process) Stop(grace time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil
	}
	p.stopped = true
	select {
	case <-p.done:
	default:
		interrupt(p.cmd)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("proc: %s: ended with %w", p.name, p.err)
		}
		return nil
	case <-timer.C:
		kill(p.cmd)
		<-p.done
		return fmt.Errorf("proc: %s: did not end on an interrupt within %v, was killed", p.name, grace)
	}
}

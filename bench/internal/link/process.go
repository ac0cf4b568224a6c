package link

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/headrace-go/headrace/bench/internal/link/bridge"
)

// stopGrace is how long the bridge may take to end once it was asked to.
const stopGrace = 5 * time.Second

// bridgeProcess is a running linkbridge program.
type bridgeProcess struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer

	mu      sync.Mutex // one question at a time
	reports chan bridge.Report
	ended   chan struct{} // closed when err is set
	err     error
}

// startBridge starts the program and waits until its devices are there. The
// namespaces are handed over as open files: they have no names.
func startBridge(ctx context.Context, path string, shape bridge.Shape, offload bool, ends [2]*namespace) (*bridgeProcess, error) {
	if path == "" {
		path = "linkbridge"
	}
	p := &bridgeProcess{
		cmd: exec.Command(path,
			fmt.Sprintf("-rate=%d", shape.Rate), fmt.Sprintf("-delay=%v", orNone(shape.Delay)), fmt.Sprintf("-queue=%d", orNone(shape.Queue)),
			fmt.Sprintf("-offload=%v", offload), fmt.Sprintf("-loss=%v", shape.Loss),
			"-client-ns=/proc/self/fd/3", "-server-ns=/proc/self/fd/4",
			"-client-tun="+device, "-server-tun="+device),
		reports: make(chan bridge.Report, 2), // the answer to a question, and the last words
		ended:   make(chan struct{}),
	}
	p.cmd.ExtraFiles = []*os.File{ends[Client].file, ends[Server].file}
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("link: start the bridge: %w", err)
	}
	p.cmd.SysProcAttr = ownGroup()
	if err := ends[Client].start(p.cmd); err != nil {
		return nil, fmt.Errorf("link: start the bridge: %w", err)
	}
	go func() {
		defer close(p.ended)
		out := json.NewDecoder(stdout)
		for {
			var r bridge.Report
			if out.Decode(&r) != nil {
				break
			}
			select {
			case p.reports <- r:
			default: // somebody else asked
			}
		}
		p.err = p.cmd.Wait()
	}()
	select {
	case <-p.reports:
		return p, nil
	case <-p.ended:
		return nil, p.failure()
	case <-ctx.Done():
		p.stop()
		return nil, fmt.Errorf("link: start the bridge: %w", ctx.Err())
	}
}

// orNone spells a resolved value for a flag on which 0 means the default.
func orNone[T ~int64](v T) T {
	if v == 0 {
		return -1
	}
	return v
}

// report asks the bridge for its counters.
func (p *bridgeProcess) report() (bridge.Report, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.cmd.Process.Signal(askReport); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return bridge.Report{}, fmt.Errorf("link: ask the bridge: %w", err)
	}
	select {
	case r := <-p.reports:
		return r, nil
	case <-p.ended:
		return bridge.Report{}, p.failure()
	}
}

// stop ends the bridge. It returns an error if it had ended before, or ended badly.
func (p *bridgeProcess) stop() error {
	select {
	case <-p.ended:
		return p.failure()
	default:
	}
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(stopGrace):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if p.err != nil {
		return p.failure()
	}
	return nil
}

// failure says why the bridge ended, which it has.
func (p *bridgeProcess) failure() error {
	err := p.err
	if err == nil {
		err = errors.New("it ended early")
	}
	err = fmt.Errorf("link: bridge: %w: %s", err, bytes.TrimSpace(p.stderr.Bytes()))
	if p.cmd.ProcessState.ExitCode() == 2 {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

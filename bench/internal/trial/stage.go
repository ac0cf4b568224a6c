package trial

import (
	"context"
	"fmt"
	"time"

	"github.com/headrace-go/headrace/bench/internal/load"
	"github.com/headrace-go/headrace/bench/internal/report"
	"github.com/headrace-go/headrace/bench/internal/row"
)

// A stage is a row whose processes run, with a load generator before it.
type stage struct {
	*entry
	phase      string
	now        string // what is being measured
	processes  *row.Processes
	generator  *load.Generator
	route      load.Route
	complaints int // of the target, before

	outer  context.Context
	ctx    context.Context // ends when a process does
	cancel context.CancelFunc
}

// enter starts the row's processes afresh. It returns nil if that failed, or
// if ctx has ended.
func (e *entry) enter(ctx context.Context, phase string) *stage {
	if ctx.Err() != nil {
		return nil
	}
	t := e.trial
	fmt.Fprintf(t.Progress, "%s: %s:", phase, e.row.Name)
	s := &stage{entry: e, phase: phase, now: "start", outer: ctx, ctx: ctx, cancel: func() {}}
	s.complaints, _ = t.target.Complaints(0)
	if !s.do(s.start) {
		return nil
	}
	s.ctx, s.cancel = s.processes.Watch(ctx)
	return s
}

func (s *stage) start(ctx context.Context) (err error) {
	env := s.trial.Env
	if s.processes, err = row.Start(ctx, env, s.row); err != nil {
		return err
	}
	s.route = load.Route{Target: s.trial.target.Address, Proxy: s.processes.Address}
	s.generator, err = load.Start(env.LaunchOn(row.ClientSide))
	return err
}

// do runs a part of the measurements. If it fails, the reason becomes part of
// the row's result, the processes are ended, and do returns false.
func (s *stage) do(work func(context.Context) error) bool {
	err := work(s.ctx)
	if err == nil {
		return true
	}
	if s.processes != nil {
		// A connection breaks before the process that broke it is gone, and
		// that one has more to say.
		_ = pause(s.ctx, afterlife)
	}
	if s.ctx.Err() != nil {
		err = context.Cause(s.ctx)
	}
	s.fail(err)
	s.leave()
	return false
}

// afterlife is how long a process that crashes may take to be gone after its
// connections broke.
const afterlife = time.Second

// fail adds a failure to the row's result, unless the whole run was ended.
func (s *stage) fail(err error) {
	if s.outer.Err() != nil {
		return
	}
	f := report.Failure{Phase: s.phase + ", " + s.now, Err: err.Error()}
	if s.processes != nil {
		f.Stderr = s.processes.Stderr()
	}
	_, complaints := s.trial.target.Complaints(s.complaints)
	f.Stderr = append(f.Stderr, complaints...)
	s.result.Failures = append(s.result.Failures, f)
	fmt.Fprintf(s.trial.Progress, " FAILED: %v", err)
}

// leave ends the processes. Ours end cleanly when they are interrupted, or it
// is a failure.
func (s *stage) leave() {
	s.cancel()
	if s.generator != nil {
		s.generator.Stop()
	}
	if s.processes != nil {
		if err := s.processes.Stop(); err != nil && !s.row.Peer && len(s.result.Failures) == 0 {
			s.now = "end"
			s.fail(err)
		}
	}
	fmt.Fprintln(s.trial.Progress)
}

// begin names the measurement that follows.
func (s *stage) begin(what string) {
	s.now = what
	fmt.Fprint(s.trial.Progress, " ", what)
}

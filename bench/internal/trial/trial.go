// Package trial runs the rows of the scorecard and measures them: in
// interleaved rounds, one row at a time, so that every row meets the machine
// in the same moods, and the baseline is of the same run.
package trial

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/headrace-go/headrace/bench/internal/load"
	"github.com/headrace-go/headrace/bench/internal/report"
	"github.com/headrace-go/headrace/bench/internal/row"
	"github.com/headrace-go/headrace/bench/internal/target"
)

// A Trial is what to run.
type Trial struct {
	Env      *row.Env
	Rows     []row.Row
	Settings report.Settings
	// Progress is told what goes on, for a reader who waits.
	Progress io.Writer
	// Limit is what a measurement may take beyond its own time until the row
	// is taken to be hung. Zero means 10 seconds.
	Limit time.Duration

	target *target.Target
}

// Run measures all rows. A row that fails is reported with what it measured
// before, and is left out of what follows; the others go on. The error says
// why the run as a whole ended early.
func (t *Trial) Run(ctx context.Context) ([]*report.Row, error) {
	var err error
	t.target, err = target.Start(ctx, t.Env.HostOf(row.ServerSide), t.Env.WrapFor(row.ServerSide))
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	defer t.target.Stop()

	entries := make([]*entry, len(t.Rows))
	rows := make([]*report.Row, len(t.Rows))
	for i, r := range t.Rows {
		rows[i] = report.NewRow(r.Name, r.Peer, r.Warm, r.Processes())
		entries[i] = &entry{trial: t, row: r, result: rows[i]}
	}
	if t.Settings.Idle > 0 {
		for _, e := range entries {
			e.phase(ctx, "memory", e.memory)
		}
	}
	for n := range t.Settings.Rounds {
		// Back and forth: a drift of the machine favours nobody.
		for e := range order(entries, n) {
			e.phase(ctx, fmt.Sprintf("round %d of %d", n+1, t.Settings.Rounds), e.round)
		}
	}
	return rows, context.Cause(ctx)
}

// order yields all entries, in every second round from the last to the first.
func order(entries []*entry, round int) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for i := range entries {
			if round%2 == 1 {
				i = len(entries) - 1 - i
			}
			if !yield(entries[i]) {
				return
			}
		}
	}
}

// An entry is a row in a trial.
type entry struct {
	trial  *Trial
	row    row.Row
	result *report.Row
	failed bool
}

// A stage is a row whose processes run, with a load generator before it.
type stage struct {
	*entry
	processes *row.Processes
	generator *load.Generator
	route     load.Route
	now       string // what is being measured
}

// phase starts the row's processes afresh, lets work use them, ends them, and
// keeps what went wrong.
func (e *entry) phase(ctx context.Context, name string, work func(context.Context, *stage) error) {
	if e.failed || ctx.Err() != nil {
		return
	}
	fmt.Fprintf(e.trial.Progress, "%s: %s:", name, e.row.Name)
	defer fmt.Fprintln(e.trial.Progress)
	s := &stage{entry: e, now: "start"}
	err := s.run(ctx, work)
	if err == nil || ctx.Err() != nil {
		return
	}
	e.failed = true
	failure := report.Failure{Phase: name + ", " + s.now, Err: err.Error()}
	if s.processes != nil {
		failure.Stderr = s.processes.Stderr()
	}
	for _, line := range e.trial.target.Stderr() {
		failure.Stderr = append(failure.Stderr, "target: "+line)
	}
	e.result.Failures = append(e.result.Failures, failure)
	fmt.Fprintf(e.trial.Progress, " FAILED: %v", err)
}

func (s *stage) run(ctx context.Context, work func(context.Context, *stage) error) (err error) {
	env := s.trial.Env
	if s.processes, err = row.Start(ctx, env, s.row); err != nil {
		return err
	}
	defer func() {
		// Ours end cleanly when they are interrupted, or it is a fault. But it
		// must not hide one that came before.
		if stopped := s.processes.Stop(); err == nil && stopped != nil && !s.row.Peer {
			s.now, err = "end", stopped
		}
	}()
	if s.generator, err = load.Start(env.WrapFor(row.ClientSide)); err != nil {
		return err
	}
	defer s.generator.Stop()
	s.route = load.Route{Target: s.trial.target.Address, Proxy: s.processes.Address}
	watched, cancel := s.processes.Watch(ctx)
	defer cancel()
	if err := work(watched, s); err != nil {
		// A connection breaks before the process that broke it is gone; that
		// one has more to say.
		_ = pause(watched, afterlife)
		if crash := context.Cause(watched); crash != nil {
			return crash
		}
		return err
	}
	return nil
}

// afterlife is how long a process that crashes may take to be gone after its
// connections broke.
const afterlife = time.Second

// begin names the measurement that follows.
func (s *stage) begin(what string) {
	s.now = what
	fmt.Fprint(s.trial.Progress, " ", what)
}

// limit bounds a measurement that takes d when all is well.
func (s *stage) limit(d time.Duration) time.Duration {
	if s.trial.Limit == 0 {
		return d + 10*time.Second
	}
	return d + s.trial.Limit
}

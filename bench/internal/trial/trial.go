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
// why the run as a whole ended early. No process is left when Run returns.
func (t *Trial) Run(ctx context.Context) ([]*report.Row, error) {
	var err error
	t.target, err = target.Start(ctx, t.Env.HostOf(row.ServerSide), t.Env.LaunchOn(row.ServerSide))
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
		defer entries[i].dismiss()
	}
	quiet := t.openCrowds(ctx, entries)
	for n := range t.Settings.Rounds {
		for e := range order(entries, n) {
			e.runRound(ctx, fmt.Sprintf("round %d of %d", n+1, t.Settings.Rounds))
		}
	}
	t.closeCrowds(ctx, entries, quiet)
	return rows, context.Cause(ctx)
}

// order yields all entries, in every second round from the last to the first:
// a drift of the machine favours nobody.
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
	out    bool   // it failed in a round
	crowd  *crowd // while memory is measured
}

// limit bounds a measurement that takes d when all is well.
func (t *Trial) limit(d time.Duration) time.Duration {
	if t.Limit == 0 {
		return d + 10*time.Second
	}
	return d + t.Limit
}

// pause waits, but not beyond the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

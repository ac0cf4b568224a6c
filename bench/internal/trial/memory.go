package trial

import (
	"context"
	"fmt"
	"time"

	"github.com/headrace-go/headrace/bench/internal/load"
	"github.com/headrace-go/headrace/bench/internal/procfs"
	"github.com/headrace-go/headrace/bench/internal/report"
)

const (
	// early is how many connections are open when the first sample is taken:
	// what a process needs once only is then there already.
	early = 20
	// settle is what processes get to put away what a burst of new
	// connections needed for a moment.
	settle = time.Second
)

// A footprint is what one process holds.
type footprint struct {
	RSS int64
	FDs int
}

// memory measures what each of many idle connections costs.
func (e *entry) memory(ctx context.Context, s *stage) error {
	pids := s.processes.PIDs()
	if len(pids) == 0 {
		return nil
	}
	idle := e.trial.Settings.Idle
	s.begin(fmt.Sprintf("%d idle", idle))
	if _, err := s.generator.Gather(ctx, load.Crowd{Route: s.route, Limit: s.limit(0), Conns: early}); err != nil {
		return err
	}
	before, err := footprints(pids)
	if err != nil {
		return err
	}
	if _, err := s.generator.Gather(ctx, load.Crowd{Route: s.route, Limit: s.limit(10 * time.Second), Conns: idle}); err != nil {
		return err
	}
	if err := pause(ctx, settle); err != nil {
		return err
	}
	after, err := footprints(pids)
	if err != nil {
		return err
	}
	var kb, fds float64
	for i, role := range s.row.Processes() {
		if err := checkRise(before[i], after[i], idle); err != nil {
			return fmt.Errorf("%s: %w", role, err)
		}
		perConn := float64(after[i].RSS-before[i].RSS) / 1000 / float64(idle)
		e.result.Add(report.MemoryIdle.Of(role), perConn)
		kb += perConn
		fds += float64(after[i].FDs-before[i].FDs) / float64(idle)
	}
	e.result.Add(report.MemoryIdle, kb)
	e.result.Add(report.FDs, fds)
	return nil
}

// checkRise refuses a measurement of the wrong process: one that carries n
// more connections has more open files (nearly one each at least), and more
// memory.
func checkRise(before, after footprint, n int) error {
	if files := after.FDs - before.FDs; files < n*9/10 {
		return fmt.Errorf("trial: %d more connections, but only %d more open files: this process does not carry them", n, files)
	}
	if after.RSS <= before.RSS {
		return fmt.Errorf("trial: %d more connections, but resident memory went from %d to %d bytes: it must rise", n, before.RSS, after.RSS)
	}
	return nil
}

func footprints(pids []int) ([]footprint, error) {
	f := make([]footprint, len(pids))
	for i, pid := range pids {
		var err error
		if f[i].RSS, err = procfs.RSS(pid); err != nil {
			return nil, err
		}
		if f[i].FDs, err = procfs.FDs(pid); err != nil {
			return nil, err
		}
	}
	return f, nil
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

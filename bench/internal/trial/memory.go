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
	// busyFor is how long memory is looked at while all connections are busy.
	busyFor = time.Second
	// abreast is how many connections move their bulk at the same time.
	abreast = 100
)

// A crowd is a row with many connections, while its memory is measured.
type crowd struct {
	*stage
	before []footprint // of each process, with the early connections only
}

// A footprint is what one process holds.
type footprint struct {
	memory     int64
	fds        int
	goroutines int // 0: not known
}

// openCrowds measures the first state of memory, idle after one round trip,
// of every row, and takes each to the second: idle after bulk. The processes
// stay, and do nothing, while others are measured. openCrowds returns when
// they have been quiet for long enough.
func (t *Trial) openCrowds(ctx context.Context, entries []*entry) (quiet time.Time) {
	if t.Settings.Idle == 0 {
		return time.Time{}
	}
	for _, e := range entries {
		if len(e.row.Steps) == 0 {
			continue
		}
		if s := e.enter(ctx, "memory"); s != nil {
			c := &crowd{stage: s}
			if s.do(c.gather) && s.do(c.idle) && s.do(c.exchange) {
				e.crowd = c
				fmt.Fprintln(t.Progress)
			}
		}
	}
	return time.Now().Add(t.Settings.Quiet)
}

// closeCrowds measures the other states once the time has come.
func (t *Trial) closeCrowds(ctx context.Context, entries []*entry, quiet time.Time) {
	if wait := time.Until(quiet); wait > 0 && ctx.Err() == nil {
		fmt.Fprintf(t.Progress, "memory: waiting for another %v\n", wait.Round(time.Second))
		_ = pause(ctx, wait)
	}
	for _, e := range entries {
		if c := e.crowd; c != nil && ctx.Err() == nil {
			c.phase = "memory after bulk"
			fmt.Fprintf(t.Progress, "%s: %s:", c.phase, e.row.Name)
			ok := c.do(c.afterBulk) && c.do(c.moving)
			e.crowd = nil
			if !ok {
				continue
			}
			c.leave()
			// Afresh: what it kept of the last state would count as the next.
			if s := e.enter(ctx, "memory of the stuck"); s != nil {
				c := &crowd{stage: s}
				if s.do(c.gather) && s.do(c.stuck) {
					s.leave()
				}
			}
		}
	}
}

// dismiss ends the processes of a crowd that is still there.
func (e *entry) dismiss() {
	if e.crowd != nil {
		e.crowd.leave()
	}
}

// gather opens the connections.
func (c *crowd) gather(ctx context.Context) error {
	idle := c.trial.Settings.Idle
	c.begin(fmt.Sprintf("%d connections", idle))
	err := c.generator.Gather(ctx, load.Crowd{Route: c.route, Limit: c.trial.limit(0), Conns: early})
	if err != nil {
		return err
	}
	if c.before, err = c.footprints(ctx); err != nil {
		return err
	}
	return c.generator.Gather(ctx, load.Crowd{Route: c.route, Limit: c.trial.limit(10 * time.Second), Conns: idle})
}

// idle measures memory, file descriptors and goroutines.
func (c *crowd) idle(ctx context.Context) error {
	if err := pause(ctx, settle); err != nil {
		return err
	}
	after, err := c.footprints(ctx)
	if err != nil {
		return err
	}
	n := c.trial.Settings.Idle
	var fds, goroutines float64
	known := true
	for i, role := range c.row.Processes() {
		if err := checkRise(c.before[i], after[i], n); err != nil {
			return fmt.Errorf("%s: %w", role, err)
		}
		fds += float64(after[i].fds-c.before[i].fds) / float64(n)
		goroutines += float64(after[i].goroutines-c.before[i].goroutines) / float64(n)
		known = known && after[i].goroutines > 0
	}
	c.result.Add(report.FDs, fds)
	if known {
		c.result.Add(report.Goroutines, goroutines)
	}
	c.add(report.MemoryIdle, after)
	return nil
}

func (c *crowd) exchange(ctx context.Context) error {
	bytes := c.trial.Settings.Exchange
	c.begin(fmt.Sprintf("%d KiB each way", bytes>>10))
	// Slower than 20 MB/s is taken to be hung.
	atMost := time.Duration(2*bytes*uint64(c.trial.Settings.Idle)/20) * time.Microsecond
	return c.generator.Exchange(ctx, load.Exchange{Limit: c.trial.limit(atMost), Bytes: bytes, Abreast: abreast})
}

func (c *crowd) afterBulk(ctx context.Context) error {
	c.begin("idle")
	after, err := c.footprints(ctx)
	if err != nil {
		return err
	}
	c.add(report.MemoryAfter, after)
	return nil
}

func (c *crowd) moving(ctx context.Context) error {
	c.begin("all moving")
	return c.busy(ctx, report.MemoryMoving, c.generator.Move)
}

func (c *crowd) stuck(ctx context.Context) error {
	c.begin("all stuck")
	return c.busy(ctx, report.MemoryStuck, c.generator.Stick)
}

// busy measures a state in which bytes are on the way.
func (c *crowd) busy(ctx context.Context, m report.Metric, do func(context.Context, load.Busy) ([]int64, error)) error {
	peaks, err := do(ctx, load.Busy{
		Limit: c.trial.limit(busyFor + 20*time.Second), Window: busyFor, PIDs: c.processes.PIDs(),
	})
	if err != nil {
		return err
	}
	after := make([]footprint, len(peaks))
	for i, memory := range peaks {
		after[i].memory = memory
	}
	c.add(m, after)
	return nil
}

// add adds what each connection costs, in all and for each process.
func (c *crowd) add(m report.Metric, after []footprint) {
	var sum float64
	for i, role := range c.row.Processes() {
		kb := float64(after[i].memory-c.before[i].memory) / 1000 / float64(c.trial.Settings.Idle)
		c.result.Add(m.Of(role), kb)
		sum += kb
	}
	c.result.Add(m, sum)
}

// checkRise refuses a measurement of the wrong process: one that carries n
// more connections has more open files (nearly one each at least), and more
// memory.
func checkRise(before, after footprint, n int) error {
	if files := after.fds - before.fds; files < n*9/10 {
		return fmt.Errorf("trial: %d more connections, but only %d more open files: this process does not carry them", n, files)
	}
	if after.memory <= before.memory {
		return fmt.Errorf("trial: %d more connections, but resident memory went from %d to %d bytes: it must rise", n, before.memory, after.memory)
	}
	return nil
}

// footprints reads what each process holds now.
func (c *crowd) footprints(ctx context.Context) ([]footprint, error) {
	pids := c.processes.PIDs()
	f := make([]footprint, len(pids))
	for i, pid := range pids {
		var err error
		if f[i].memory, err = procfs.Memory(pid); err != nil {
			return nil, err
		}
		if f[i].fds, err = procfs.FDs(pid); err != nil {
			return nil, err
		}
	}
	debug := c.processes.Debug()
	if len(debug) != len(f) {
		return f, nil
	}
	inside, err := c.generator.Inside(ctx, load.Inside{Limit: c.trial.limit(0), Addresses: debug})
	if err != nil {
		return nil, err
	}
	for i, v := range inside {
		f[i].goroutines = v.Goroutines
	}
	return f, nil
}

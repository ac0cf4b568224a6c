package report

import (
	"fmt"
	"time"
)

// The bounds of the user's own targets. Baseline is direct TCP in the same run.
const (
	leastThroughput = 0.90 // of the baseline's
	mostP95         = 1.10 // times the baseline's
	leastBulk       = 0.95 // of what the baseline carried beside it
	mostMemory      = 100  // kB per connection: 100 MB for 1000, so with as many
	memoryCrowd     = 1000
	mostSetUp       = 500 * time.Millisecond
)

// Modes of a run.
const (
	// Loopback: client, proxy and target share the machine's processors, so
	// that a proxy's own work takes from the throughput. Only the bounds on
	// memory and set-up count.
	Loopback = "loopback"
	// Link: a link between client and server is the bottleneck. All bounds
	// count.
	Link = "link"
)

// A Check is one bound, and how a row stands to it.
type Check struct {
	Row      string `json:"row"`
	What     string `json:"what"`
	Measured string `json:"measured"`
	Bound    string `json:"bound"`
	Met      bool   `json:"met"`
	Peer     bool   `json:"peer,omitempty"` // for comparison only
}

// Missed reports whether the check speaks against the project: the row is one
// of ours and misses the bound.
func (c Check) Missed() bool { return !c.Met && !c.Peer }

// judge holds every row against the bounds that count in the report's mode. A
// row that failed misses its own.
func (r *Report) judge() []Check {
	var checks []Check
	for _, row := range r.Rows {
		add := func(what, measured, bound string, met bool) {
			checks = append(checks, Check{Row: row.Name, What: what, Measured: measured, Bound: bound, Met: met, Peer: row.Peer})
		}
		for _, f := range row.Failures {
			add(f.Phase, "failed", "works", false)
		}
		if row.Name == baseline {
			continue
		}
		if r.Mode == Link {
			r.judgeShares(row, add)
		}
		r.judgeSetUp(row, add)
		if r.Settings.Idle >= memoryCrowd {
			r.judgeMemory(row, add)
		}
	}
	return checks
}

func (r *Report) judgeSetUp(row *Row, add func(what, measured, bound string, met bool)) {
	for _, m := range []struct {
		metric Metric
		name   string
	}{{SetUpFirst, "first connection"}, {SetUpP95, "set-up p95"}} {
		if f, ok := row.Figures[m.metric]; ok {
			took := time.Duration(f.Median * float64(time.Microsecond))
			add(m.name, took.Round(10*time.Microsecond).String(), "< "+mostSetUp.String(), took < mostSetUp)
		}
	}
}

func (r *Report) judgeMemory(row *Row, add func(what, measured, bound string, met bool)) {
	for _, m := range []struct {
		metric Metric
		name   string
	}{{MemoryIdle, "idle"}, {MemoryAfter, "after bulk"}, {MemoryMoving, "moving"}, {MemoryStuck, "stuck"}} {
		if f, ok := row.Figures[m.metric]; ok {
			add("memory, "+m.name, number(f.Median)+" kB", fmt.Sprintf("< %d kB per connection", mostMemory), f.Median < mostMemory)
		}
	}
}

// judgeShares holds a row against the bounds that compare it with the baseline.
func (r *Report) judgeShares(row *Row, add func(what, measured, bound string, met bool)) {
	for _, direction := range []string{"down", "up"} {
		for _, conns := range []int{1, r.Settings.Many} {
			if f, ok := r.share(row, Throughput(direction, conns)); ok {
				add(fmt.Sprintf("throughput, %d %s", conns, direction), percent(f.Median), ">= "+percent(leastThroughput), f.Median >= leastThroughput)
			}
		}
	}
	for _, l := range r.Settings.Levels {
		f, known := r.share(row, Loaded(l, "p95"))
		carried, _ := r.share(row, LoadedMBps(l))
		if known {
			// Who carries less bulk than the baseline has it easier.
			add("p95 beside "+l.Name, percent(f.Median)+", with "+percent(carried.Median)+" of the bulk",
				"<= "+percent(mostP95)+", with >= "+percent(leastBulk), f.Median <= mostP95 && carried.Median >= leastBulk)
		}
	}
}

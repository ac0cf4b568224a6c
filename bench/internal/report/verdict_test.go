package report_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/report"
)

// judged returns a report with one row that has the figures, beside a
// baseline of 100 MB/s and 1000 µs, and what it missed.
func judged(mode string, idle int, peer bool, figures map[report.Metric]float64) (*report.Report, []string) {
	level := report.Level{Name: "90% load"}
	direct := report.NewRow("direct", false, "fresh", nil)
	for _, m := range []report.Metric{report.Throughput("down", 1), report.Throughput("up", 16), report.LoadedMBps(level)} {
		direct.Add(m, 100)
	}
	direct.Add(report.Loaded(level, "p95"), 1000)
	direct.Add(report.SetUpP95, 600e3) // misses a bound that is not its own
	row := report.NewRow("row", peer, "fresh", nil)
	for m, v := range figures {
		row.Add(m, v)
	}
	r := &report.Report{
		Mode:     mode,
		Settings: report.Settings{Many: 16, Idle: idle, Levels: []report.Level{level}},
		Rows:     []*report.Row{direct, row},
	}
	var what []string
	for _, c := range r.Judge() {
		what = append(what, c.What)
	}
	return r, what
}

func TestJudge(t *testing.T) {
	level := report.Level{Name: "90% load"}
	type figures = map[report.Metric]float64
	for i, c := range []struct {
		mode    string
		idle    int
		peer    bool
		figures figures
		missed  []string
	}{
		{report.Loopback, 1000, false, figures{report.MemoryIdle: 99.9, report.SetUpP95: 499e3, report.SetUpFirst: 499e3}, nil},
		{report.Loopback, 1000, false, figures{report.MemoryStuck: 100}, []string{"memory, stuck"}},
		{report.Loopback, 999, false, figures{report.MemoryStuck: 100}, nil},
		{report.Loopback, 1000, true, figures{report.MemoryStuck: 100}, nil},
		{report.Loopback, 0, false, figures{report.SetUpFirst: 500e3}, []string{"first connection"}},
		{report.Loopback, 0, false, figures{report.Throughput("down", 1): 10, report.Loaded(level, "p95"): 9000}, nil},
		{report.Link, 0, false, figures{report.Throughput("down", 1): 90, report.Throughput("up", 16): 89}, []string{"throughput, 16 up"}},
		{report.Link, 0, false, figures{report.Loaded(level, "p95"): 1100, report.LoadedMBps(level): 95}, nil},
		{report.Link, 0, false, figures{report.Loaded(level, "p95"): 1101, report.LoadedMBps(level): 95}, []string{"p95 beside 90% load"}},
		{report.Link, 0, false, figures{report.Loaded(level, "p95"): 1000, report.LoadedMBps(level): 94}, []string{"p95 beside 90% load"}},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if _, missed := judged(c.mode, c.idle, c.peer, c.figures); !slices.Equal(missed, c.missed) {
				t.Errorf("%+v: missed %q, want %q", c, missed, c.missed)
			}
		})
	}
}

func TestFailedRowMisses(t *testing.T) {
	r, _ := judged(report.Loopback, 0, false, nil)
	for _, row := range r.Rows {
		row.Failures = []report.Failure{{Phase: "round 1, up 16", Err: "it fell over"}}
	}
	missed := r.Judge()
	if len(missed) != 2 || missed[0].Row != "direct" || missed[1].What != "round 1, up 16" {
		t.Errorf("missed = %+v, want both rows' failures", missed)
	}
}

package trial_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headrace-go/headrace/bench/internal/report"
	"github.com/headrace-go/headrace/bench/internal/roles"
	"github.com/headrace-go/headrace/bench/internal/row"
	"github.com/headrace-go/headrace/bench/internal/standin"
	"github.com/headrace-go/headrace/bench/internal/trial"
)

// TestMain is also the processes of a trial.
func TestMain(m *testing.M) { roles.Main(m) }

func proxy(way string) row.Row {
	return row.Row{Name: way, Steps: []row.Step{{
		Name: "server", Program: "standin", Announces: true, Args: []string{standin.Role, way, "${listen}"},
	}}}
}

func run(t *testing.T, ctx context.Context, set report.Settings, limit time.Duration, rows ...row.Row) ([]*report.Row, error) {
	t.Helper()
	tr := trial.Trial{
		Env: &row.Env{
			Find: func(string, bool) (string, error) { return os.Args[0], nil },
			Dir:  t.TempDir(),
		},
		Rows: rows, Settings: set, Progress: t.Output(), Limit: limit,
	}
	return tr.Run(ctx)
}

var short = report.Settings{Rounds: 1, Window: 50 * time.Millisecond, Warm: 10 * time.Millisecond, Many: 2, Idle: 40,
	Levels: []report.Level{{Name: "5MBps", BytesPerSecond: 5e6}}, Exchange: 64 << 10}

func TestTrialMeasures(t *testing.T) {
	rows, err := run(t, t.Context(), short, time.Minute, row.Baseline(), proxy(standin.Honest))
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if len(row.Failures) > 0 {
			t.Fatalf("%s failed: %+v", row.Name, row.Failures)
		}
		want := []report.Metric{
			report.Throughput("down", 1), report.Throughput("down", 2), report.Throughput("up", 1), report.Throughput("up", 2),
			report.RoundTripP50, report.RoundTripP99, report.SetUpFirst, report.SetUpP95,
			report.Loaded(short.Levels[0], "p95"), report.LoadedUncorrected(short.Levels[0], "p99"), report.LoadedMBps(short.Levels[0]),
		}
		if i > 0 {
			want = append(want, report.CPU("up", 1), report.CPU("down", 2).Of("server"), report.MemoryIdle, report.MemoryMoving, report.MemoryStuck, report.FDs)
		}
		for _, m := range want {
			if row.Figures[m].Median <= 0 {
				t.Errorf("%s: %s = %v, want more than 0", row.Name, m, row.Figures[m])
			}
		}
	}
	if fds := rows[1].Figures[report.FDs].Median; fds < 2 || fds > 6 {
		t.Errorf("a relay has %v fds per connection, want 2, and up to 4 of pipes", fds)
	}
}

// TestBadRowIsNamed runs bad rows between good ones: each is named with what
// it did, and the others are measured.
func TestBadRowIsNamed(t *testing.T) {
	bad := map[string]string{
		standin.Crash: "exit status 7",
		standin.Hang:  "hung",
		standin.Flip:  "corrupt",
		standin.Drop:  "corrupt",
		standin.Deaf:  "did not end",
	}
	rows := []row.Row{row.Baseline()}
	for way := range bad {
		rows = append(rows, proxy(way))
	}
	rows = append(rows, proxy(standin.Honest))
	set := short
	set.Idle, set.Levels = 0, nil
	// The limit is what the hung row costs; no honest one comes near it.
	results, err := run(t, t.Context(), set, 5*time.Second, rows...)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range results {
		want, isBad := bad[row.Name]
		switch {
		case !isBad && len(row.Failures) > 0:
			t.Errorf("%s failed too: %+v", row.Name, row.Failures)
		case isBad && len(row.Failures) != 1:
			t.Errorf("%s: failures = %+v, want one", row.Name, row.Failures)
		case isBad && !strings.Contains(row.Failures[0].Err, want):
			t.Errorf("%s: failure = %+v, want %q in it", row.Name, row.Failures[0], want)
		}
	}
}

func TestInterruptEndsTrial(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	set := short
	set.Window = time.Hour
	set.Idle = 0
	out := make(chan error)
	go func() {
		_, err := run(t, ctx, set, time.Minute, row.Baseline())
		out <- err
	}()
	cancel(why)
	if err := <-out; !errors.Is(err, why) {
		t.Errorf("Run = %v, want %v", err, why)
	}
}

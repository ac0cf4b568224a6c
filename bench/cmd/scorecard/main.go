// Scorecard starts the example programs as processes of their own, drives
// real, checked load through them, and shows what they carry and what that
// costs, beside the same load over direct TCP in the same run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/headrace-go/headrace/bench/internal/load"
	"github.com/headrace-go/headrace/bench/internal/programs"
	"github.com/headrace-go/headrace/bench/internal/report"
	"github.com/headrace-go/headrace/bench/internal/row"
	"github.com/headrace-go/headrace/bench/internal/target"
	"github.com/headrace-go/headrace/bench/internal/trial"
)

// Exit codes.
const (
	exitMissed = 1 // a target was missed, or a row failed
	exitCannot = 2 // the run could not be made
)

func main() {
	if err := role(os.Args[1:]); !errors.Is(err, errNoRole) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "scorecard:", err)
			os.Exit(exitCannot)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "scorecard:", err)
	}
	os.Exit(code)
}

var errNoRole = errors.New("no role")

// role runs the parts of the load that are processes of their own.
func role(args []string) error {
	switch {
	case len(args) == 1 && args[0] == load.Role:
		return load.Main()
	case len(args) == 2 && args[0] == target.Role:
		return target.Main(args[1])
	}
	return errNoRole
}

func run(ctx context.Context, args []string) (int, error) {
	flags := flag.NewFlagSet("scorecard", flag.ContinueOnError)
	names := flags.String("rows", "", "comma-separated `names` of the rows; default all of ours")
	peers := flags.Bool("peers", false, "run the peers, too")
	seconds := flags.Float64("seconds", 0.8, "length of each measurement")
	rounds := flags.Int("rounds", 3, "rounds over all rows")
	idle := flags.Int("idle", 1000, "idle connections while memory is measured; 0 leaves that out")
	bin := flags.String("bin", "", "`directory` with the example programs; default: build them")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0, nil
		}
		return exitCannot, nil
	}
	if flags.NArg() > 0 || *seconds <= 0 || *rounds < 1 || *idle < 0 {
		return exitCannot, errors.New("nonsense in the arguments; see -help")
	}

	scratch, err := os.MkdirTemp("", "scorecard")
	if err != nil {
		return exitCannot, err
	}
	defer os.RemoveAll(scratch)
	root, err := programs.Root(".")
	if err != nil {
		return exitCannot, err
	}
	examples := programs.Examples{Source: filepath.Join(root, "examples"), Bin: *bin}
	rows, err := choose(*names, *peers, examples)
	if err != nil {
		return exitCannot, err
	}
	if *bin == "" {
		examples.Bin = filepath.Join(scratch, "bin")
		if err := examples.Build(ctx, needed(rows)...); err != nil {
			return exitCannot, err
		}
	}
	cache := filepath.Join(root, ".cache", "peers", "bin")

	begin := time.Now()
	settings := report.Settings{
		Rounds: *rounds, Window: time.Duration(*seconds * float64(time.Second)), Warm: 200 * time.Millisecond,
		Many: 16, Idle: *idle,
	}
	t := &trial.Trial{
		Env: &row.Env{
			Find: func(name string) (string, error) { return programs.Find(name, examples.Bin, cache) },
			Dir:  scratch,
		},
		Rows: rows, Settings: settings, Progress: os.Stderr,
	}
	results, err := t.Run(ctx)
	if err != nil {
		return exitCannot, err
	}
	r := &report.Report{
		Date: begin, Mode: "loopback", Took: time.Since(begin), Settings: settings,
		Machine: report.ThisMachine(), Rows: results,
	}
	if err := r.WriteTable(os.Stdout); err != nil {
		return exitCannot, err
	}
	if slices.ContainsFunc(results, func(row *report.Row) bool { return len(row.Failures) > 0 }) {
		return exitMissed, errors.New("a row failed")
	}
	return 0, nil
}

// choose returns the rows to run, the baseline first.
func choose(names string, peers bool, examples programs.Examples) ([]row.Row, error) {
	known := append(row.Ours(), row.Peers()...)
	rows := []row.Row{row.Baseline()}
	if names == "" {
		for _, r := range known {
			if r.Peer && peers || !r.Peer && examples.Has(r.Steps[0].Program) {
				rows = append(rows, r)
			}
		}
		return rows, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(known, func(r row.Row) bool { return r.Name == name })
		switch {
		case i >= 0:
			rows = append(rows, known[i])
		case name != rows[0].Name:
			return nil, fmt.Errorf("no row %q", name)
		}
	}
	return rows, nil
}

// needed returns the example programs that the rows start.
func needed(rows []row.Row) []string {
	var names []string
	for _, r := range rows {
		for _, s := range r.Steps {
			if !r.Peer && !slices.Contains(names, s.Program) {
				names = append(names, s.Program)
			}
		}
	}
	return names
}

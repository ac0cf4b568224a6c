// Scorecard starts the example programs as processes of their own, drives
// real, checked load through them, and shows what they carry and what that
// costs, beside the same load over direct TCP in the same run.
//
// Its exit code is 1 if a target was missed or a row failed, and 2 if the run
// could not be made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/headrace-go/headrace/bench/internal/load"
	"github.com/headrace-go/headrace/bench/internal/plain"
	"github.com/headrace-go/headrace/bench/internal/plainquic"
	"github.com/headrace-go/headrace/bench/internal/programs"
	"github.com/headrace-go/headrace/bench/internal/report"
	"github.com/headrace-go/headrace/bench/internal/row"
	"github.com/headrace-go/headrace/bench/internal/target"
	"github.com/headrace-go/headrace/bench/internal/trial"
)

const (
	exitMissed = 1
	exitCannot = 2
)

func main() {
	if isRole, err := role(os.Args[1:]); isRole {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitCannot)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	missed, err := run(ctx, os.Args[1:])
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // and not what the interrupt broke
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "scorecard:", err)
		os.Exit(exitCannot)
	case len(missed) > 0:
		for _, c := range missed {
			fmt.Fprintf(os.Stderr, "scorecard: %s misses %s: %s, bound %s\n", c.Row, c.What, c.Measured, c.Bound)
		}
		os.Exit(exitMissed)
	}
}

// role runs the parts of the load that are processes of their own.
func role(args []string) (bool, error) {
	switch {
	case len(args) == 1 && args[0] == load.Role:
		return true, load.Main()
	case len(args) == 2 && args[0] == target.Role:
		return true, target.Main(args[1])
	case len(args) == 2 && args[0] == plain.Role:
		return true, plain.Main(args[1])
	case len(args) > 1 && (args[0] == plainquic.Server || args[0] == plainquic.Client):
		return true, plainquic.Main(args[0], args[1:])
	}
	return false, nil
}

func run(ctx context.Context, args []string) (missed []report.Check, err error) {
	o, err := parse(args, os.Stderr)
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "scorecard")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	root, err := programs.Root(".")
	if err != nil {
		return nil, err
	}
	examples := programs.Examples{Source: filepath.Join(root, "examples"), Bin: o.bin}
	if o.bin == "" {
		examples.Bin = filepath.Join(scratch, "bin")
	}
	find := func(name string, peer bool) (string, error) {
		switch {
		case name == row.Self:
			return os.Executable()
		case peer:
			return programs.Find(name, filepath.Join(root, ".cache", "peers", "bin"))
		default:
			return programs.Find(name, examples.Bin)
		}
	}
	rows, err := o.choose(examples, find)
	if err != nil {
		return nil, err
	}
	if o.bin == "" {
		fmt.Fprintln(os.Stderr, "building the example programs")
		if err := examples.Build(ctx, needed(rows)...); err != nil {
			return nil, err
		}
	}
	r := &report.Report{
		Date: time.Now(), Mode: o.mode, Settings: o.settings(len(rows)),
		Machine: report.ThisMachine(), Versions: versions(ctx, rows, find),
	}
	here := &place{}
	if o.mode == report.Link {
		if here, r.Link, err = overLink(ctx, root, scratch); err != nil {
			return nil, err
		}
		r.Settings = o.linkSettings(len(rows), r.Link.Measured)
	}
	t := &trial.Trial{
		Env:  here.env(row.Env{Find: find, Dir: scratch}),
		Rows: rows, Settings: r.Settings, Progress: os.Stderr,
	}
	r.Rows, err = t.Run(ctx)
	if err := errors.Join(err, here.leave(r.Link)); err != nil {
		return nil, err
	}
	r.Took = time.Since(r.Date)
	missed = r.Judge()
	return missed, errors.Join(
		r.WriteTable(os.Stdout),
		save(o.json, r.WriteJSON),
		save(o.html, r.WriteHTML),
	)
}

// save writes a file, unless it has no name.
func save(name string, write func(io.Writer) error) (err error) {
	if name == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
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

// versions returns the versions of the programs of others that the rows start.
func versions(ctx context.Context, rows []row.Row, find func(string, bool) (string, error)) map[string]string {
	known := map[string]string{}
	for _, r := range rows {
		for _, s := range r.Steps {
			if path, err := find(s.Program, true); r.Peer && err == nil {
				if v := programs.Version(ctx, s.Program, path); v != "" {
					known[s.Program] = v
				}
			}
		}
	}
	return known
}

// Compare tells whether benchmarks changed between two revisions.
//
//	go run ./bench/cmd/compare [flags] OLD [NEW]
//
// It builds the tests of both revisions (NEW is the working tree unless given)
// and runs the chosen benchmarks in rounds: in each round every benchmark runs
// twice with the old code and once with the new, in random order, each time in
// a process of its own. Every unit of every benchmark gets a verdict: better,
// WORSE, or no change seen; with it come the change, an interval that holds for
// all of them together, and the noise of the old code against itself. Package
// paired says how that is computed and why.
//
//	go run ./bench/cmd/compare -bench 'Get/size=16384' -pkg ./bufpool main
//
// -o keeps the raw results in the Go benchmark format; -read judges them again.
//
// The exit code is 0 if nothing got worse, 1 if something did, and 2 if there
// was nothing to compare or it could not run. (go run turns every failure
// into 1; build the program where the difference matters.)
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/headrace-go/headrace/bench/internal/benchrun"
	"github.com/headrace-go/headrace/bench/internal/command"
	"github.com/headrace-go/headrace/bench/internal/paired"
)

// errWorse: the comparison was made, and something got worse.
var errWorse = errors.New("compare: something got worse")

func main() { command.Main(errWorse, run) }

// A config is what the command line asks for.
type config struct {
	old, new string // revisions; new is empty for the working tree
	bench    string
	packages []string
	rounds   int
	bounds   benchrun.Bounds
	least    float64 // percent
	seed     uint64
	output   string
	recorded string
}

func parse(args []string, stderr io.Writer) (config, error) {
	var c config
	var packages string
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: compare [flags] OLD [NEW]\n       compare -read FILE")
		flags.PrintDefaults()
	}
	flags.StringVar(&c.bench, "bench", ".", "run the benchmarks that match this `regexp`, as in go test")
	flags.StringVar(&packages, "pkg", "./...", "comma-separated package `directories`, each may end in /...")
	flags.IntVar(&c.rounds, "n", 10, "number of `rounds`")
	flags.StringVar(&c.bounds.Time, "benchtime", "100ms", "`time` of one run, as in go test")
	flags.DurationVar(&c.bounds.Limit, "timeout", 0, "end a run that takes this `long` (default 1m0s)")
	flags.Float64Var(&c.least, "least", 100*paired.DefaultLeast, "smallest change of interest in `percent`")
	flags.Uint64Var(&c.seed, "seed", rand.Uint64(), "`seed` of the random order")
	flags.StringVar(&c.output, "o", "", "write the raw results to this `file`")
	flags.StringVar(&c.recorded, "read", "", "judge the raw results in this `file` instead of running anything")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	c.packages = strings.Split(packages, ",")
	switch {
	case c.recorded != "" && flags.NArg() == 0:
	case c.recorded == "" && (flags.NArg() == 1 || flags.NArg() == 2):
		c.old, c.new = flags.Arg(0), flags.Arg(1)
	default:
		flags.Usage()
		return c, errors.New("compare: want one or two revisions, or -read")
	}
	if c.rounds < 1 {
		return c, fmt.Errorf("compare: -n %d: want at least one round", c.rounds)
	}
	if c.least < 0 {
		return c, fmt.Errorf("compare: -least %g: want zero or more", c.least)
	}
	return c, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parse(args, stderr)
	if err != nil {
		return err
	}
	log, err := measurements(ctx, c, stdout, stderr)
	if err != nil {
		return err
	}
	judged, err := judge(log, c.least/100)
	if err != nil {
		return err
	}
	if err := judged.print(stdout); err != nil {
		return err
	}
	if worse := judged.worse(); len(worse) > 0 {
		return fmt.Errorf("%w: %s", errWorse, strings.Join(worse, ", "))
	}
	return nil
}

// measurements returns the log of a recorded run or of a new one.
func measurements(ctx context.Context, c config, stdout, stderr io.Writer) (*benchrun.Log, error) {
	if c.recorded != "" {
		file, err := os.Open(c.recorded)
		if err != nil {
			return nil, fmt.Errorf("compare: %w", err)
		}
		defer file.Close()
		return benchrun.ReadLog(file, c.recorded)
	}
	log, err := measure(ctx, c, stdout, stderr)
	if err != nil || c.output == "" {
		return log, err
	}
	file, err := os.Create(c.output)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	return log, errors.Join(log.Write(file), file.Close())
}

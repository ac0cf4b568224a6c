package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"github.com/headrace-go/headrace/bench/internal/benchrun"
	"github.com/headrace-go/headrace/bench/internal/paired"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
)

// sought is the change that a useful run should be able to see.
const sought = 0.05

// A row is one unit of one benchmark with its judgement.
type row struct {
	benchrun.Measured
	paired.Result
}

// A report is everything there is to say about a run.
type report struct {
	rows    []row
	partial []string // what some sides did not measure
	rounds  int
}

// judge compares everything in the log. Changes below least do not count.
func judge(log *benchrun.Log, least float64) (report, error) {
	complete, partial := log.Series()
	if len(complete) == 0 {
		return report{}, errors.New("compare: nothing was measured on all sides of all rounds")
	}
	test := paired.Test{Least: least}
	if least == 0 {
		test.Least = -1
	}
	for _, m := range complete {
		if !m.Constant() {
			test.Comparisons++
		}
	}
	r := report{partial: partial, rounds: len(complete[0].B)}
	if least := paired.MinRounds(test.Comparisons, paired.DefaultAlpha); r.rounds < least {
		return report{}, fmt.Errorf("compare: %d comparisons need at least %d rounds for any verdict, there are %d", test.Comparisons, least, r.rounds)
	}
	for _, m := range complete {
		r.rows = append(r.rows, row{m, test.Judge(m.Series, m.Better)})
	}
	return r, nil
}

// worse names what got worse.
func (r report) worse() []string {
	var names []string
	for _, row := range r.rows {
		if row.Verdict == paired.Worse {
			names = append(names, row.Name+" "+row.Unit)
		}
	}
	return names
}

func (r report) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nbenchmark\tunit\told\tnew\tchange\tinterval\tA/A noise\tverdict\n")
	constant := 0
	for _, row := range r.rows {
		if row.Constant() {
			constant++
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s .. %s\t%s .. %s\t%s\n", row.Name, row.Unit,
			row.format(median(slices.Concat(row.A1, row.A2))), row.format(median(row.B)),
			row.delta(row.Change.Estimate),
			row.delta(row.Change.Low), row.delta(row.Change.High),
			row.delta(row.Noise.Low), row.delta(row.Noise.High),
			row.Verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nAll intervals hold together with %g %% confidence; the A/A noise is a %g %% interval.\n",
		100*(1-paired.DefaultAlpha), 100*(1-paired.NoiseAlpha))
	if constant > 0 {
		fmt.Fprintf(w, "%d more values were the same in every run of both sides.\n", constant)
	}
	for _, name := range r.partial {
		fmt.Fprintf(w, "not compared, since not measured on both sides in every round: %s\n", name)
	}
	r.advise(w)
	return nil
}

// advise says so if a silent verdict may only mean that the run was too noisy.
func (r report) advise(w io.Writer) {
	blind := 0
	for _, row := range r.rows {
		if row.Verdict == paired.NoChange && !row.Absolute && row.Change.HalfWidth() > sought {
			blind++
		}
	}
	if blind > 0 {
		fmt.Fprintf(w, "In %d rows a change of %g %% could have hidden in the noise: use a quieter machine, more rounds (-n) or longer ones (-benchtime).\n", blind, 100*sought)
	}
}

func median(values []float64) float64 {
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), 0.95).Center
}

func (r row) format(v float64) string {
	return benchunit.Scale(v, benchunit.ClassOf(r.Unit))
}

// delta formats a change: in percent, or in the unit if ratios make no sense.
func (r row) delta(v float64) string {
	switch {
	case math.IsInf(v, 0):
		return "?"
	case r.Absolute:
		return fmt.Sprintf("%+.4g", v)
	}
	return fmt.Sprintf("%+.1f%%", 100*v)
}

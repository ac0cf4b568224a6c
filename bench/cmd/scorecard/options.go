package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/headrace-go/headrace/bench/internal/programs"
	"github.com/headrace-go/headrace/bench/internal/report"
	"github.com/headrace-go/headrace/bench/internal/row"
)

// options are the flags.
type options struct {
	rows       string
	mode       string
	seconds    float64
	rounds     int
	idle       int
	peers      bool
	bin        string
	json, html string
}

func parse(args []string, output io.Writer) (*options, error) {
	var o options
	var out string
	flags := flag.NewFlagSet("scorecard", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&o.rows, "rows", "", "run these rows, separated by commas; default all of ours (known: "+strings.Join(known(), ", ")+")")
	flags.StringVar(&o.mode, "mode", report.Loopback, "loopback, or link: the client reaches the server over a long, slow link (needs root)")
	flags.Float64Var(&o.seconds, "seconds", 0, "length of each measurement; default: so that a run over our rows takes less than three minutes; 1.5 on the link")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds over all rows")
	flags.IntVar(&o.idle, "idle", 1000, "connections while memory is measured; 0 leaves that out")
	flags.BoolVar(&o.peers, "peers", false, "run the programs of others too, as far as they are there (make peers)")
	flags.StringVar(&o.bin, "bin", "", "take the example programs from this `directory`; default: build them")
	flags.StringVar(&o.json, "json", "", "write the report as JSON to this `file`")
	flags.StringVar(&o.html, "html", "", "write the report as a page with charts to this `file`")
	flags.StringVar(&out, "out", "", "write both to this `directory`, as scorecard.json and scorecard.html")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("what is %q? See -help", flags.Arg(0))
	case o.seconds < 0 || o.rounds < 1 || o.idle < 0:
		return nil, errors.New("-seconds and -idle cannot be negative, -rounds must be at least 1")
	case o.mode != report.Loopback && o.mode != report.Link:
		return nil, fmt.Errorf("-mode is %s or %s, not %q", report.Loopback, report.Link, o.mode)
	}
	if out != "" {
		o.json, o.html = filepath.Join(out, "scorecard.json"), filepath.Join(out, "scorecard.html")
	}
	return &o, nil
}

// known returns the names of all rows.
func known() []string {
	var names []string
	for _, r := range slices.Concat(row.Ours(), row.Peers()) {
		names = append(names, r.Name)
	}
	return names
}

// choose returns the rows to run, the baseline first. A row that was not
// asked for by name is left out if its program is not there.
func (o *options) choose(examples programs.Examples, find func(string, bool) (string, error)) ([]row.Row, error) {
	rows := []row.Row{row.Baseline()}
	if o.rows == "" {
		for _, r := range row.Ours() {
			if !r.Apart && examples.Has(r.Steps[0].Program) {
				rows = append(rows, r)
			}
		}
		for _, r := range row.Peers() {
			if _, err := find(r.Steps[0].Program, true); o.peers && err == nil {
				rows = append(rows, r)
			}
		}
		return rows, nil
	}
	all := slices.Concat(rows, row.Ours(), row.Peers())
	for name := range strings.SplitSeq(o.rows, ",") {
		i := slices.IndexFunc(all, func(r row.Row) bool { return r.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no row %q; there are %s", name, strings.Join(known(), ", "))
		}
		if !slices.ContainsFunc(rows, func(r row.Row) bool { return r.Name == name }) {
			rows = append(rows, all[i])
		}
	}
	return rows, nil
}

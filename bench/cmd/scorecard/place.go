package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/headrace-go/headrace/bench/internal/link"
	"github.com/headrace-go/headrace/bench/internal/programs"
	"github.com/headrace-go/headrace/bench/internal/report"
	"github.com/headrace-go/headrace/bench/internal/row"
)

// A place is where the two sides of the rows are.
type place struct {
	link *link.Link // nil: both on the loopback device
}

// sides are the ends of the link that the sides of a row are at.
var sides = map[row.Side]link.Side{row.ServerSide: link.Server, row.ClientSide: link.Client}

// overLink makes a link and puts the sides at its ends. Its report has what
// bare TCP measures on it. The link's program is built into bin.
func overLink(ctx context.Context, root, bin string) (*place, *report.LinkReport, error) {
	tools := programs.Examples{Source: filepath.Join(root, "bench", "cmd"), Bin: bin}
	if err := tools.Build(ctx, "linkbridge"); err != nil {
		return nil, nil, err
	}
	l, err := link.New(ctx, link.Config{Bridge: filepath.Join(bin, "linkbridge")})
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintln(os.Stderr, "checking the link")
	r := &report.LinkReport{}
	if r.Measured, err = l.Check(ctx); err != nil {
		_ = l.Close() // the first error tells more
		return nil, nil, err
	}
	return &place{l}, r, nil
}

// env completes what rows need to run here.
func (p *place) env(e row.Env) *row.Env {
	if p.link != nil {
		e.Host = func(s row.Side) string { return p.link.Addr(sides[s]).String() }
		e.Launch = func(s row.Side, cmd *exec.Cmd) error { return p.link.Start(sides[s], cmd) }
	}
	return &e
}

// leave takes the link down, after its last report.
func (p *place) leave(r *report.LinkReport) (err error) {
	if p.link == nil {
		return nil
	}
	r.Report, err = p.link.Report()
	return errors.Join(err, p.link.Close())
}

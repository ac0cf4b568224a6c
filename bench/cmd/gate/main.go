// Gate fails if an operation costs more than its budget.
//
//	go run ./bench/cmd/gate
//
// It counts only what repeats on any machine: allocations and bytes per
// operation, system calls per operation (by strace; without it those are left
// out, visibly), heap objects and goroutines per connection. The budgets are
// in budgets.txt beside this file, for 64-bit Linux. A change that costs more
// on purpose changes its budget in the same commit.
//
// -run takes a regular expression of the measurements to make.
//
// The exit code is 0 if all budgets were kept, 1 if one was broken, and 2 if
// something could not be measured.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/headrace-go/headrace/bench/internal/budget"
	"github.com/headrace-go/headrace/bench/internal/command"
)

//go:embed budgets.txt
var budgets string

// errBroken: everything was measured, and a budget was broken.
var errBroken = errors.New("gate: over budget")

func main() { command.Main(errBroken, run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("gate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("run", "", "make the measurements that match this `regexp`")
	serve := flags.String("serve", "", "be the traced `program` of a measurement (used by gate itself)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *serve != "" {
		return servePrograms(*serve, flags.Args())
	}
	filter, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("gate: -run: %w", err)
	}
	allowed, err := budget.Parse(strings.NewReader(budgets), "budgets.txt")
	if err != nil {
		return err
	}
	return check(ctx, measurements, allowed, filter, stdout)
}

// Package command runs the programs that come to a verdict.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main calls run, with a context that ends with an interrupt and the program's
// arguments, and ends the program if that fails: with status 1 if the error is
// verdict, which says that all was done and the outcome is bad, or else with
// status 2.
func Main(verdict error, run func(ctx context.Context, args []string, stdout, stderr io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err == nil {
		return
	}
	if !errors.Is(err, flag.ErrHelp) { // the flags have been listed
		fmt.Fprintln(os.Stderr, err)
	}
	if errors.Is(err, verdict) {
		os.Exit(1)
	}
	os.Exit(2)
}

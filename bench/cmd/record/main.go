// Record runs a benchmark command and keeps what it prints, under a header
// that names the machine, the kernel, Go and the versions of what was measured.
//
//	go run ./bench/cmd/record -C bench/rivals -o bench/results/mux.txt \
//		go test -run '^$' -bench Mux -count 6 .
//
// The file is in the Go benchmark format, for benchstat. What identifies the
// run but not the machine (date, commit, load) is in comment lines, so that it
// does not keep benchstat from comparing two files. A command that fails leaves
// the file as it was, and record exits with 1.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("record", flag.ContinueOnError)
	flags.SetOutput(stderr)
	output := flags.String("o", "", "write to this `file`; needed")
	dir := flags.String("C", ".", "run the command in this `directory`, a module outside of any workspace")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *output == "" || flags.NArg() == 0 {
		return errors.New("record: want -o FILE and a command")
	}
	var file bytes.Buffer
	if err := stamp(ctx, &file, *dir, flags.Args()); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, flags.Arg(0), flags.Args()[1:]...)
	cmd.Dir = *dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stdout = io.MultiWriter(stdout, &file)
	cmd.Stderr = stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("record: %s: %w", flags.Arg(0), err)
	}
	if load, ok := loadAverage(); ok {
		fmt.Fprintf(&file, "# load at the end: %s\n", load)
	}
	if err := os.WriteFile(*output, file.Bytes(), 0o644); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/headrace-go/headrace/bench/internal/procfs"
)

// stamp writes the header for a command that is about to run in dir.
func stamp(ctx context.Context, w io.Writer, dir string, command []string) error {
	ask := func(name string, args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("record: %s: %w %s", name, err, bytes.TrimSpace(stderr.Bytes()))
		}
		return strings.TrimSpace(string(out)), nil
	}
	commit, commitErr := ask("git", "describe", "--always", "--dirty", "--exclude=*")
	version, versionErr := ask("go", "env", "GOVERSION")
	kernel, kernelErr := ask("uname", "-sr")
	// What the module itself asks for; the rest follows from its go.sum.
	modules, modulesErr := ask("go", "list", "-m", "-f",
		"{{if not (or .Main .Indirect .Replace)}}{{.Path}}: {{.Version}}{{end}}", "all")
	if err := errors.Join(commitErr, versionErr, kernelErr, modulesErr); err != nil {
		return err
	}
	fmt.Fprintf(w, "# %s\n", strings.Join(command, " "))
	fmt.Fprintf(w, "# recorded %s at commit %s\n", time.Now().UTC().Format(time.DateOnly), commit)
	if load, ok := loadAverage(); ok {
		fmt.Fprintf(w, "# load at the start: %s\n", load)
	}
	fmt.Fprintf(w, "go: %s\n", version)
	fmt.Fprintf(w, "kernel: %s\n", kernel)
	fmt.Fprintf(w, "processors: %d\n", runtime.NumCPU())
	if family := procfs.CPUFamily(); family != "" {
		fmt.Fprintf(w, "family: %s\n", family)
	}
	for line := range strings.Lines(modules) {
		if line = strings.TrimSpace(line); line != "" {
			fmt.Fprintln(w, line)
		}
	}
	fmt.Fprintln(w)
	return nil
}

// loadAverage returns how busy the machine was in the last minute, where the
// system tells: a reader should know whether it was quiet.
func loadAverage() (string, bool) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "", false
	}
	load, _, ok := strings.Cut(string(text), " ")
	return load, ok
}

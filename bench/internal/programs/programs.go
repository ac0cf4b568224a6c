// Package programs finds the programs that the scorecard runs: it builds the
// project's own examples, and looks for those of others in a cache.
package programs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Root returns the project's root directory: the one above dir whose go.mod
// is that of the core module.
func Root(dir string) (string, error) {
	const module = "module github.com/headrace-go/headrace"
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("programs: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		text, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && slices.Contains(strings.Split(string(text), "\n"), module) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("programs: %s is not inside the project", dir)
		}
	}
}

// Examples is where the programs of examples/ are, and where they are built.
type Examples struct{ Source, Bin string }

// Has reports whether there is such a program.
func (e Examples) Has(name string) bool {
	info, err := os.Stat(filepath.Join(e.Source, name, "main.go"))
	return err == nil && info.Mode().IsRegular()
}

// Build builds the programs. Its error has the compiler's words.
func (e Examples) Build(ctx context.Context, names ...string) error {
	for _, name := range names {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(e.Bin, name), "./"+name)
		cmd.Dir = e.Source
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("programs: build %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

// Find looks for a program in the directories given, and then in PATH.
func Find(name string, dirs ...string) (string, error) {
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("programs: %w", err)
	}
	return path, nil
}

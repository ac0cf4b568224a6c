package benchrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Packages returns the directories, relative to the root of the tree, of the
// packages with tests that the patterns name. A pattern is a directory or
// ends in "/..."; it does not reach into nested modules. A directory that this
// tree does not have names no package: the other side may be the first to
// have it.
func (t Tree) Packages(ctx context.Context, patterns []string) ([]string, error) {
	var dirs []string
	for _, pattern := range patterns {
		base, recursive := strings.CutSuffix(pattern, "...")
		list := "."
		if recursive {
			list = "./..."
		}
		from := filepath.Join(t.Dir, base)
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		out, err := goCommand(ctx, from, "list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}", list)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(out) {
			dir, err := filepath.Rel(t.Dir, strings.TrimSpace(line))
			if err != nil {
				return nil, fmt.Errorf("benchrun: package outside of the tree: %w", err)
			}
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// A Binary is the compiled test program of one package of one side.
type Binary struct {
	Package string // directory relative to the root of its tree
	dir     string // where it runs, for its testdata
	path    string
}

// Build compiles the tests of a package into the directory out.
func (t Tree) Build(ctx context.Context, pkg, out string) (Binary, error) {
	name := strings.NewReplacer("/", "_", ".", "_").Replace(filepath.ToSlash(pkg)) + ".test"
	b := Binary{
		Package: pkg,
		dir:     filepath.Join(t.Dir, pkg),
		path:    filepath.Join(out, name),
	}
	_, err := goCommand(ctx, b.dir, "test", "-c", "-trimpath", "-buildvcs=false", "-o", b.path, ".")
	return b, err
}

// goCommand runs the go tool outside of any workspace, so that a package is
// built with the versions its own module asks for.
func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("benchrun: go %s in %s: %w\n%s", args[0], dir, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}

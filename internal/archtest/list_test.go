package archtest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const core = "github.com/headrace-go/headrace"

// root is the folder of the core module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A target is one way to build the packages: files differ by system and tag.
type target struct{ goos, goarch, tags string }

var linux = target{goos: "linux", goarch: "amd64"}

var targets = []target{
	linux,
	{goos: "linux", goarch: "386"},
	{goos: "linux", goarch: "arm64"},
	{goos: "darwin", goarch: "arm64"},
	{goos: "windows", goarch: "amd64"},
	{goos: "freebsd", goarch: "amd64"},
	{goos: "linux", goarch: "amd64", tags: "headrace_debug"},
	{goos: "linux", goarch: "amd64", tags: "purego"},
}

func (b target) String() string {
	return strings.TrimSuffix(b.goos+"/"+b.goarch+"/"+b.tags, "/")
}

// run runs the go command in dir, outside any workspace, and returns its output.
func run(t *testing.T, dir string, b target, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOOS="+b.goos, "GOARCH="+b.goarch, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// A listed package is what the rules look at in the output of go list.
type listed struct {
	ImportPath string
	Name       string
	Standard   bool
	Imports    []string
	Deps       []string
}

// list returns the packages that match the patterns and all they are built
// from, standard library included.
func list(t *testing.T, dir string, b target, args ...string) []listed {
	t.Helper()
	args = append([]string{"list", "-deps", "-json=ImportPath,Name,Standard,Imports,Deps", "-tags=" + b.tags}, args...)
	dec := json.NewDecoder(bytes.NewReader(run(t, dir, b, args...)))
	var all []listed
	for {
		var p listed
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

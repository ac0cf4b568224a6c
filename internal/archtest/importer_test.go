package archtest_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

const goldenDir = "testdata/golden"

// TestImportersBuildLittle imports each public package from a module of its
// own and compares what that builds with a golden list.
func TestImportersBuildLittle(t *testing.T) {
	known := make(map[string]bool)
	for _, p := range list(t, root(t), linux, "./...") {
		name, ours := within(core, p.ImportPath)
		if !ours || slices.Contains(strings.Split(name, "/"), "internal") || p.Name == "main" {
			continue
		}
		golden := filepath.Join(goldenDir, filepath.FromSlash(name)+".txt")
		known[golden] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := importer(t, core, root(t), p.ImportPath)
			if *update {
				write(t, golden, strings.Join(got, "\n")+"\n")
				return
			}
			for _, d := range compare(t, got, golden) {
				t.Error(d)
			}
		})
	}
	err := filepath.WalkDir(goldenDir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !known[path] {
			t.Errorf("%s belongs to no package", path)
		}
		return err
	})
	if err != nil && !*update {
		t.Error(err)
	}
}

func TestGoldenListFindsMoreAndLess(t *testing.T) {
	golden := filepath.Join(t.TempDir(), "golden.txt")
	got := importer(t, "example.com/bad", "testdata/bad", "example.com/bad/aead")

	write(t, golden, "example.com/bad/aead\nexample.com/bad/bufpool\n")
	if diff := compare(t, got, golden); diff != nil {
		t.Errorf("against the right list: %q", diff)
	}
	write(t, golden, "example.com/bad/aead\nexample.com/bad/gone\n")
	want := []string{
		"an importer also builds example.com/bad/bufpool",
		"an importer no longer builds example.com/bad/gone",
	}
	if diff := compare(t, got, golden); !slices.Equal(diff, want) {
		t.Errorf("against a wrong list: %q, want %q", diff, want)
	}
}

// importer builds a new module that imports one package and returns all
// packages outside the standard library that this took, sorted.
func importer(t *testing.T, module, moduleDir, path string) []string {
	t.Helper()
	dir := newModule(t, module, moduleDir, fmt.Sprintf("package main\n\nimport _ %q\n\nfunc main() {}\n", path))
	run(t, dir, linux, "build", "-mod=mod", "-o", os.DevNull, ".")
	var built []string
	for _, p := range list(t, dir, linux, "-mod=mod", ".") {
		if !p.Standard && p.ImportPath != "importer" {
			built = append(built, p.ImportPath)
		}
	}
	slices.Sort(built)
	return built
}

// newModule makes a module of one program that requires the module in
// moduleDir, and returns its folder. Built with -mod=mod, it takes all other
// versions from that module's go.mod.
func newModule(t *testing.T, module, moduleDir, source string) string {
	t.Helper()
	moduleDir, err := filepath.Abs(moduleDir)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), fmt.Sprintf(
		"module importer\n\ngo 1.26\n\nrequire %[1]s v0.0.0\n\nreplace %[1]s => %[2]q\n", module, moduleDir))
	write(t, filepath.Join(dir, "main.go"), source)
	switch sum, err := os.ReadFile(filepath.Join(moduleDir, "go.sum")); {
	case err == nil:
		write(t, filepath.Join(dir, "go.sum"), string(sum))
	case !errors.Is(err, fs.ErrNotExist):
		t.Fatal(err)
	}
	return dir
}

// compare returns how a list differs from the golden one.
func compare(t *testing.T, got []string, golden string) []string {
	t.Helper()
	data, err := os.ReadFile(golden)
	if err != nil {
		return []string{err.Error()}
	}
	want := strings.Fields(string(data))
	var diff []string
	for _, path := range got {
		if !slices.Contains(want, path) {
			diff = append(diff, "an importer also builds "+path)
		}
	}
	for _, path := range want {
		if !slices.Contains(got, path) {
			diff = append(diff, "an importer no longer builds "+path)
		}
	}
	return diff
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

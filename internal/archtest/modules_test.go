package archtest_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// nested maps the folder of each nested module to its way back to the core.
// Generators in _asm folders and modules in testdata are their owners' own.
var nested = map[string]string{
	"bench":        "../",
	"bench/rivals": "../../",
	"examples":     "../",
}

// A goMod is what the rules look at in a go.mod file.
type goMod struct {
	Module  struct{ Path string }
	Require []struct{ Path, Version string }
	Replace []struct {
		Old, New struct{ Path, Version string }
	}
	Tool []struct{ Path string }
}

func readGoMod(t *testing.T, path string) goMod {
	t.Helper()
	var m goMod
	if err := json.Unmarshal(run(t, ".", linux, "mod", "edit", "-json", path), &m); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}

func TestCoreGoModIsPlain(t *testing.T) {
	for _, v := range plain(readGoMod(t, filepath.Join(root(t), "go.mod"))) {
		t.Error(v)
	}
	want := []string{"replaces example.com/stray", "has the tool example.com/stray"}
	if got := plain(readGoMod(t, "testdata/bad/go.mod")); !slices.Equal(got, want) {
		t.Errorf("plain(testdata/bad/go.mod) = %q, want %q", got, want)
	}
}

// plain returns what importers of a module would not get, or should not pay
// for: a replace does not reach them, a tool line makes its module theirs.
func plain(m goMod) []string {
	var found []string
	for _, r := range m.Replace {
		found = append(found, "replaces "+r.Old.Path)
	}
	for _, tool := range m.Tool {
		found = append(found, "has the tool "+tool.Path)
	}
	return found
}

func TestNestedModules(t *testing.T) {
	dir := root(t)
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "_asm" || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if entry.Name() == "go.mod" && filepath.Dir(path) != dir {
			rel, err := filepath.Rel(dir, filepath.Dir(path))
			found = append(found, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	if want := []string{"bench", "bench/rivals", "examples"}; !slices.Equal(found, want) {
		t.Fatalf("nested modules are %q, want %q", found, want)
	}
	for _, rel := range found {
		m := readGoMod(t, filepath.Join(dir, filepath.FromSlash(rel), "go.mod"))
		if want := core + "/" + rel; m.Module.Path != want {
			t.Errorf("%s is module %s, want %s", rel, m.Module.Path, want)
		}
		if err := usesCore(m, nested[rel]); err != nil {
			t.Errorf("%s: %v", rel, err)
		}
	}
}

// usesCore checks that a module takes the core from its own repository.
// A module that imports nothing of it has no requirement, but the replace.
func usesCore(m goMod, back string) error {
	for _, r := range m.Require {
		if r.Path == core && r.Version != "v0.0.0" {
			return fmt.Errorf("requires %s %s, want v0.0.0", core, r.Version)
		}
	}
	for _, r := range m.Replace {
		if r.Old.Path == core && r.New.Path == back {
			return nil
		}
	}
	return fmt.Errorf("does not replace %s => %s", core, back)
}

// TestWorkspace: with the rivals in the workspace their requirements would
// raise the versions that the core is tested with.
func TestWorkspace(t *testing.T) {
	var work struct{ Use []struct{ DiskPath string } }
	if err := json.Unmarshal(run(t, root(t), linux, "work", "edit", "-json", "go.work"), &work); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, use := range work.Use {
		got = append(got, use.DiskPath)
	}
	slices.Sort(got)
	if want := []string{".", "./bench", "./examples"}; !slices.Equal(got, want) {
		t.Errorf("go.work uses %q, want %q", got, want)
	}
}

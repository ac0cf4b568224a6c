package programs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/programs"
)

func TestRoot(t *testing.T) {
	root, err := programs.Root(".")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "bench", "internal", "programs", "programs_test.go")); err != nil {
		t.Errorf("Root = %s, which is not the project's: %v", root, err)
	}
	if root, err := programs.Root(t.TempDir()); err == nil {
		t.Errorf("Root of a foreign directory = %s, want an error", root)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	want := filepath.Join(dir, "prog")
	if err := os.WriteFile(want, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := programs.Find("prog", t.TempDir(), dir); got != want || err != nil {
		t.Errorf("Find = %s, %v, want %s", got, err, want)
	}
	if got, err := programs.Find("prog-that-nobody-has", dir); err == nil {
		t.Errorf("Find = %s, want an error", got)
	}
}

func TestBuildAndHas(t *testing.T) {
	src := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":      "module x\ngo 1.26\n",
		"one/main.go": "package main\nfunc main() {}\n",
		"bad/main.go": "package main\nfunc main() { nonsense }\n",
	} {
		path := filepath.Join(src, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e := programs.Examples{Source: src, Bin: t.TempDir()}
	if !e.Has("one") || e.Has("two") {
		t.Errorf("Has(one), Has(two) = %v, %v, want true, false", e.Has("one"), e.Has("two"))
	}
	if err := e.Build(t.Context(), "one"); err != nil {
		t.Error(err)
	}
	if _, err := programs.Find("one", e.Bin); err != nil {
		t.Error(err)
	}
	if err := e.Build(t.Context(), "bad"); err == nil {
		t.Error("a program that does not compile was built")
	}
}

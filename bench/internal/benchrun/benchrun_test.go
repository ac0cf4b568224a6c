package benchrun_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headrace-go/headrace/bench/internal/benchrun"
	"github.com/headrace-go/headrace/bench/internal/paired"
)

// repository makes a git repository with one commit of the given files.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "init", "--quiet")
	git(t, dir, "add", ".")
	git(t, dir, "-c", "user.name=test", "-c", "user.email=test@invalid", "commit", "--quiet", "-m", "first")
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

const benchmarks = `package b

import (
	"os"
	"testing"
	"time"
)

func BenchmarkEcho(b *testing.B) {
	b.Run("size=64", func(b *testing.B) {
		b.ReportMetric(7, "p99-ns")
		b.SetBytes(64)
		for b.Loop() {
		}
	})
	b.Run("size=6", func(b *testing.B) {
		for b.Loop() {
		}
	})
	b.Run("a|b", func(b *testing.B) {
		for b.Loop() {
		}
	})
}

func BenchmarkTestdata(b *testing.B) {
	if _, err := os.Stat("testdata/input"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
	}
}

func BenchmarkFails(b *testing.B) { b.Fatal("as it should") }

func BenchmarkHangs(b *testing.B) { time.Sleep(time.Hour) }
`

var files = map[string]string{
	"go.mod":              "module example.com/b\n\ngo 1.24\n",
	"b_test.go":           benchmarks,
	"testdata/input":      "x",
	"sub/sub_test.go":     "package sub\n",
	"untested/u.go":       "package untested\n",
	"nested/go.mod":       "module example.com/b/nested\n\ngo 1.24\n",
	"nested/n_test.go":    "package nested\n",
	"nested/in/i_test.go": "package in\n",
}

func TestCheckoutHoldsTheRevisionAndRemoveLeavesNothing(t *testing.T) {
	repo := repository(t, files)
	before := git(t, repo, "worktree", "list")
	if err := os.WriteFile(filepath.Join(repo, "b_test.go"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "old")
	tree, err := benchrun.Checkout(t.Context(), repo, "HEAD", dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(tree.Dir, "b_test.go"))
	if err != nil || string(got) != benchmarks {
		t.Errorf("b_test.go of the revision = %.20q, %v", got, err)
	}
	if err := benchrun.Remove(repo, tree); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
	if after := git(t, repo, "worktree", "list"); after != before {
		t.Errorf("worktrees before:\n%safter:\n%s", before, after)
	}
}

func TestCheckoutNamesTheUnknownRevision(t *testing.T) {
	repo := repository(t, files)
	_, err := benchrun.Checkout(t.Context(), repo, "no-such", filepath.Join(t.TempDir(), "x"))
	if err == nil || !strings.Contains(err.Error(), `"no-such"`) {
		t.Errorf("Checkout(no-such) = %v, want an error that names it", err)
	}
}

func TestPackages(t *testing.T) {
	tree, err := benchrun.WorkingTree(t.Context(), repository(t, files))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ patterns, want []string }{
		{[]string{"."}, []string{"."}},
		{[]string{"./..."}, []string{".", "sub"}},
		{[]string{"./nested/..."}, []string{"nested", "nested/in"}},
		{[]string{"sub", "untested", "missing"}, []string{"sub"}},
	}
	for _, tt := range tests {
		got, err := tree.Packages(t.Context(), tt.patterns)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("Packages(%q) = %q, %v, want %q", tt.patterns, got, err, tt.want)
		}
	}
}

func TestRun(t *testing.T) {
	tree, err := benchrun.WorkingTree(t.Context(), repository(t, files))
	if err != nil {
		t.Fatal(err)
	}
	binary, err := tree.Build(t.Context(), ".", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	once := benchrun.Bounds{Time: "1x"}

	results, _, err := binary.Run(t.Context(), "Echo|Testdata", once)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 4 {
		t.Fatalf("Run(Echo|Testdata) = %d results, want 4", len(results))
	}
	for _, want := range results {
		name := want.Name.String()
		got, _, err := binary.Run(t.Context(), benchrun.Pattern(name), once)
		if err != nil || len(got) != 1 || got[0].Name.String() != name {
			t.Errorf("Run(Pattern(%q)) = %d results, %v, want itself only", name, len(got), err)
		}
	}

	if _, _, err := binary.Run(t.Context(), "Fails", once); err == nil || !strings.Contains(err.Error(), "as it should") {
		t.Errorf("Run(Fails) = %v, want what it printed", err)
	}
	bounds := benchrun.Bounds{Time: "1x", Limit: 200 * time.Millisecond}
	if _, _, err := binary.Run(t.Context(), "Hangs", bounds); err == nil || !strings.Contains(err.Error(), "still running after 200ms") {
		t.Errorf("Run(Hangs) = %v, want the limit", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := binary.Run(ctx, "Echo", once); err == nil {
		t.Error("Run with a cancelled context succeeded")
	}
}

func TestBuildReportsTheCompiler(t *testing.T) {
	broken := map[string]string{"go.mod": files["go.mod"], "b_test.go": "package b\n\nvar x undefined\n"}
	tree, err := benchrun.WorkingTree(t.Context(), repository(t, broken))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Build(t.Context(), ".", t.TempDir()); err == nil || !strings.Contains(err.Error(), "undefined") {
		t.Errorf("Build of a broken package = %v, want what the compiler said", err)
	}
}

// fill adds the same results to the given number of rounds of one side.
func fill(t *testing.T, log *benchrun.Log, rounds int, side, text string) {
	t.Helper()
	for round := range rounds {
		results, units, err := benchrun.Parse([]byte(text), "test")
		if err != nil {
			t.Fatal(err)
		}
		log.Add(round, side, results, units)
	}
}

func TestLogSeries(t *testing.T) {
	log := &benchrun.Log{}
	const declared = "Unit jain better=higher\nUnit load better=none\npkg: example.com/b\n"
	fill(t, log, 2, benchrun.SideA1, declared+"BenchmarkX 10 100 ns/op 640 MB/s 3 p99-ns 0.9 jain 1 load 5 frames/s\n")
	fill(t, log, 2, benchrun.SideA2, declared+"BenchmarkX 10 101 ns/op 641 MB/s 4 p99-ns 0.8 jain 1 load 5 frames/s\n")
	fill(t, log, 2, benchrun.SideB, declared+"BenchmarkX 10 102 ns/op 642 MB/s 5 p99-ns 0.7 jain 1 load 5 frames/s 8 B/op\n")

	var text bytes.Buffer
	if err := log.Write(&text); err != nil {
		t.Fatal(err)
	}
	again, err := benchrun.ReadLog(&text, "again")
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]*benchrun.Log{"fresh": log, "written and read": again} {
		complete, partial := l.Series()
		if !slices.Equal(partial, []string{"X B/op"}) {
			t.Errorf("%s: partial = %q, want X B/op", name, partial)
		}
		directions := map[string]paired.Direction{}
		for _, m := range complete {
			directions[m.Unit] = m.Better
			if m.Package != "example.com/b" || m.Name != "X" || len(m.A1) != 2 || len(m.A2) != 2 || len(m.B) != 2 {
				t.Errorf("%s: %+v, want two rounds of X in example.com/b", name, m)
			}
		}
		want := map[string]paired.Direction{
			"sec/op": paired.Lower, "p99-sec": paired.Lower, "jain": paired.Higher,
			"load": paired.Unknown, "frames/s": paired.Higher,
		}
		if len(directions) != len(want) {
			t.Errorf("%s: units %v, want %v", name, directions, want)
		}
		for unit, direction := range want {
			if directions[unit] != direction {
				t.Errorf("%s: direction of %s = %d, want %d", name, unit, directions[unit], direction)
			}
		}
	}
}

func TestReadLogRefusesGarbage(t *testing.T) {
	if _, err := benchrun.ReadLog(strings.NewReader("BenchmarkX 10 x ns/op\n"), "f"); err == nil {
		t.Error("ReadLog of a broken line succeeded")
	}
}

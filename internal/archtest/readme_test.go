package archtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\[([^\]]*)\]\(([^)]*)\)`)
	program = regexp.MustCompile("(?s)```go\n(package main\n.*?)```")
)

// TestDocumentsKeepTheirWord: what README.md and its siblings link is there,
// a guarantee's test above all.
func TestDocumentsKeepTheirWord(t *testing.T) {
	for _, name := range []string{"README.md", "DESIGN.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		for _, v := range broken(t, filepath.Join(root(t), name)) {
			t.Errorf("%s: %s", name, v)
		}
	}
}

func TestBrokenLinksAreFound(t *testing.T) {
	got := broken(t, "testdata/bad/README.md")
	want := []string{
		"TestNone is not in bufpool/bufpool.go",
		"gone.md does not exist",
	}
	if !slices.Equal(got, want) {
		t.Errorf("broken = %q, want %q", got, want)
	}
}

// broken returns, sorted, what a document links and is not there.
func broken(t *testing.T, document string) []string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range link.FindAllStringSubmatch(string(text), -1) {
		name, path := m[1], m[2]
		if strings.Contains(path, "://") {
			continue
		}
		path, _, _ = strings.Cut(path, "#")
		file := filepath.Join(filepath.Dir(document), filepath.FromSlash(path))
		if _, err := os.Stat(file); err != nil {
			found = append(found, path+" does not exist")
			continue
		}
		if strings.HasPrefix(name, "Test") {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(source), "func "+name+"(t *testing.T) {") {
				found = append(found, name+" is not in "+path)
			}
		}
	}
	slices.Sort(found)
	return found
}

// TestReadmeExampleBuilds builds the README's program as its readers would.
func TestReadmeExampleBuilds(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := program.FindSubmatch(text)
	if m == nil {
		t.Fatal("README.md has no program")
	}
	run(t, newModule(t, core, root(t), string(m[1])), linux, "vet", "-mod=mod", ".")
}

package archtest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// rooms are the packages, each with those below it, that never import one
// another: only examples and benchmarks compose them.
var rooms = []string{"aead", "bufpool", "connpool", "mux", "vecio"}

// external lists what the packages may import from other modules, by import
// path or its beginning, and which package may do so: "" means any.
var external = map[string]string{
	"github.com/valyala/bytebufferpool": "",
	"golang.org/x/crypto":               "",
	"golang.org/x/net":                  "",
	"golang.org/x/sys":                  "",
	"github.com/quic-go/quic-go":        "mux/quicmux",
}

func TestPackagesAreIndependent(t *testing.T) {
	for _, b := range targets {
		t.Run(b.String(), func(t *testing.T) {
			t.Parallel()
			for _, v := range violations(core, list(t, root(t), b, "./...")) {
				t.Error(v)
			}
		})
	}
}

func TestViolationsAreFound(t *testing.T) {
	const bad = "example.com/bad"
	got := violations(bad, list(t, "testdata/bad", linux, "./..."))
	want := []string{
		"aead is built from another room, bufpool",
		"connpool imports example.com/stray, which is not allowed",
		"internal/shared is built from a room, bufpool",
		"mux/h2mux is built from another room, bufpool",
		"mux/h2mux is built from another room, vecio",
		"vecio is built from another room, bufpool",
	}
	if !slices.Equal(got, want) {
		t.Errorf("violations(%s) =\n%s\nwant\n%s", bad, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// violations returns, sorted, where the packages of a module break the rules.
func violations(module string, packages []listed) []string {
	standard := make(map[string]bool)
	for _, p := range packages {
		standard[p.ImportPath] = p.Standard
	}
	found := make(map[string]bool)
	for _, p := range packages {
		name, ours := within(module, p.ImportPath)
		if !ours {
			continue
		}
		for _, dep := range p.Deps {
			dep, ours := within(module, dep)
			if !ours || room(dep) == "" || room(dep) == room(name) {
				continue
			}
			another := "another"
			if room(name) == "" {
				another = "a"
			}
			found[fmt.Sprintf("%s is built from %s room, %s", name, another, dep)] = true
		}
		for _, path := range p.Imports {
			if _, ours := within(module, path); !ours && !standard[path] && !allowed(name, path) {
				found[fmt.Sprintf("%s imports %s, which is not allowed", name, path)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// within returns the path of a package relative to its module.
func within(module, path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// room returns the room that a package of the core belongs to, or "".
func room(name string) string {
	first, _, _ := strings.Cut(name, "/")
	if slices.Contains(rooms, first) {
		return first
	}
	return ""
}

func allowed(importer, path string) bool {
	for prefix, only := range external {
		if _, ok := within(prefix, path); ok {
			return only == "" || only == importer
		}
	}
	return false
}

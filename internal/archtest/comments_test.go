package archtest_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// selfEvident are methods whose name and type say all there is to say.
var selfEvident = []string{"Error", "Is", "Network", "String", "Temporary", "Timeout", "Unwrap"}

func TestExportedIdentifiersHaveComments(t *testing.T) {
	for _, dir := range packageDirs(t, root(t)) {
		for _, v := range undocumented(t, dir) {
			t.Error(v)
		}
	}
}

func TestMissingCommentsAreFound(t *testing.T) {
	got := undocumented(t, "testdata/bad/bufpool")
	want := []string{
		"bufpool.go: Bare",
		"bufpool.go: Bare.Get",
		"bufpool.go: BareConst",
		"bufpool.go: NewBare",
		"package bufpool",
	}
	if !slices.Equal(got, want) {
		t.Errorf("undocumented = %q, want %q", got, want)
	}
}

// packageDirs returns the folders of the core's packages: nested modules,
// generators and test data are not among them.
func packageDirs(t *testing.T, dir string) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || path == dir {
			return err
		}
		if name := entry.Name(); name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
			return filepath.SkipDir
		}
		dirs = append(dirs, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// undocumented returns, sorted, the exported identifiers of the package in dir
// that have no comment, for all systems and build tags at once.
func undocumented(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	packageName, packageDoc := "", false
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		packageName = file.Name.Name
		packageDoc = packageDoc || file.Doc != nil
		for _, decl := range file.Decls {
			for _, name := range bare(decl) {
				found = append(found, filepath.Base(path)+": "+name)
			}
		}
	}
	if packageName != "" && !packageDoc {
		found = append(found, "package "+packageName)
	}
	slices.Sort(found)
	return found
}

// bare returns the exported names of a declaration that no comment tells of.
// A comment on a group tells of all in it.
func bare(decl ast.Decl) []string {
	var names []string
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Doc != nil || !decl.Name.IsExported() {
			return nil
		}
		if decl.Recv == nil {
			return []string{decl.Name.Name}
		}
		recv := receiver(decl.Recv.List[0].Type)
		if ast.IsExported(recv) && !slices.Contains(selfEvident, decl.Name.Name) {
			names = append(names, fmt.Sprintf("%s.%s", recv, decl.Name.Name))
		}
	case *ast.GenDecl:
		if decl.Doc != nil {
			return nil
		}
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Doc == nil && spec.Name.IsExported() {
					names = append(names, spec.Name.Name)
				}
			case *ast.ValueSpec:
				if spec.Doc != nil || spec.Comment != nil {
					continue
				}
				for _, name := range spec.Names {
					if name.IsExported() {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

// receiver returns the name of a receiver's type, without * and parameters.
func receiver(expr ast.Expr) string {
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

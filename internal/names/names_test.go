package names

import (
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

const root = "../.."

// rename is a line of the list: in the package, a declaration is no longer called old.
type rename struct{ pkg, old, new string }

// TestRenames_OldNamesAreGone looks at package-level declarations and methods.
func TestRenames_OldNamesAreGone(t *testing.T) {
	list := renames(t)
	declared := declarationsByPackage(t, list)
	for _, r := range list {
		for _, position := range declared[r.pkg][r.old] {
			t.Errorf("%s declares %q, want %q (testdata/renames.txt)", position, r.old, r.new)
		}
	}
}

// TestRenames_NewNamesExist finds lines that a later rename made untrue.
func TestRenames_NewNamesExist(t *testing.T) {
	list := renames(t)
	declared := declarationsByPackage(t, list)
	for _, r := range list {
		if len(declared[r.pkg][r.new]) == 0 {
			t.Errorf("%s has no %q, want the name that replaces %q (testdata/renames.txt)", r.pkg, r.new, r.old)
		}
	}
}

// TestRenames_AreSorted keeps the list easy to merge.
func TestRenames_AreSorted(t *testing.T) {
	list := lines(t)
	if sorted := slices.Compact(slices.Sorted(slices.Values(list))); !slices.Equal(list, sorted) {
		t.Errorf("testdata/renames.txt is not sorted or has a line twice, want\n%s", strings.Join(sorted, "\n"))
	}
}

func TestDeclarations_FindsEachKind(t *testing.T) {
	const text = `package p
type T struct{}
func (*T) Method() {}
func (G[E]) generic() {}
type G[E any] []E
type I interface{ wanted() }
func function() {}
const constant = 1
var a, variable = 1, 2
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range declared(file) {
		got = append(got, name.Name)
	}
	if want := []string{"T", "Method", "generic", "G", "I", "wanted", "function", "constant", "a", "variable"}; !slices.Equal(got, want) {
		t.Errorf("declared = %q, want %q", got, want)
	}
}

func lines(t *testing.T) (list []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "testdata/renames.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list
}

func renames(t *testing.T) (list []rename) {
	t.Helper()
	for _, line := range lines(t) {
		words := strings.Fields(line)
		if len(words) != 3 {
			t.Fatalf("testdata/renames.txt has the line %q, want a package, an old name and a new one", line)
		}
		list = append(list, rename{words[0], words[1], words[2]})
	}
	return list
}

// declarationsByPackage reads each package of the list once.
func declarationsByPackage(t *testing.T, list []rename) map[string]map[string][]token.Position {
	t.Helper()
	found := map[string]map[string][]token.Position{}
	for _, r := range list {
		if found[r.pkg] == nil {
			found[r.pkg] = declarations(t, r.pkg)
		}
	}
	return found
}

// declarations returns where the package declares each name, its tests included.
func declarations(t *testing.T, pkg string) map[string][]token.Position {
	t.Helper()
	files := token.NewFileSet()
	found := map[string][]token.Position{}
	paths, err := fs.Glob(os.DirFS(filepath.Join(root, pkg)), "*.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no Go files in %s (%v), want the package of a line of testdata/renames.txt", pkg, err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(files, filepath.Join(root, pkg, path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range declared(file) {
			found[name.Name] = append(found[name.Name], files.Position(name.Pos()))
		}
	}
	return found
}

// declared returns the names of a file's package-level declarations and of its methods,
// those of interfaces included.
func declared(file *ast.File) (names []*ast.Ident) {
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			names = append(names, d.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				names = append(names, specNames(spec)...)
			}
		}
	}
	return names
}

func specNames(spec ast.Spec) []*ast.Ident {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		return s.Names
	case *ast.TypeSpec:
		names := []*ast.Ident{s.Name}
		if methods, ok := s.Type.(*ast.InterfaceType); ok {
			for _, method := range methods.Methods.List {
				names = append(names, method.Names...)
			}
		}
		return names
	}
	return nil
}

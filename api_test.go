package vaultkit_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden file anew")

const (
	apiFile = "testdata/api.txt"
	module  = "goblin/vaultkit"

	// maxNames is how many exported package-level names the root package may have.
	maxNames = 102
)

// TestAPI compares what the public packages export with testdata/api.txt, so that a change of the
// API is deliberate. After such a change: go test -run 'API$' . -update
func TestAPI(t *testing.T) {
	api := &listing{}
	for _, pkg := range publicPackages(t) {
		api.pkg(t, pkg)
	}
	got := api.text.String()
	if *update {
		if err := os.WriteFile(apiFile, []byte(got), 0o644); err != nil {
			t.Fatalf("os.WriteFile = %v, want no error", err)
		}
	}
	want, err := os.ReadFile(apiFile)
	if err != nil {
		t.Fatalf("os.ReadFile = %v, want no error", err)
	}
	before, after := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for _, line := range before {
		if !slices.Contains(after, line) {
			t.Errorf("the public API lacks %q, want it as in %s, or run: go test -run 'API$' . -update", line, apiFile)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			t.Errorf("the public API has %q, want it in %s, or run: go test -run 'API$' . -update", line, apiFile)
		}
	}
	if !t.Failed() && string(want) != got {
		t.Errorf("%s has another order, want that of the declarations: go test -run 'API$' . -update", apiFile)
	}
}

// A newcomer reads the root package first.
func TestAPI_RootIsSmall(t *testing.T) {
	names := 0
	for _, file := range publicPackages(t)[0].files {
		for _, decl := range file.Decls {
			names += len(exportedNames(decl))
		}
	}
	t.Logf("%s exports %d package-level names", module, names)
	if names > maxNames {
		t.Errorf("%s exports %d package-level names, want at most %d", module, names, maxNames)
	}
}

func TestAPI_EveryNameHasADoc(t *testing.T) {
	for _, pkg := range publicPackages(t) {
		for _, file := range pkg.files {
			for _, decl := range file.Decls {
				for _, name := range undocumented(decl) {
					t.Errorf("%s.%s has no doc comment, want one", pkg.path, name)
				}
			}
		}
	}
}

// The fields and methods of an internal type do not show in go doc.
func TestAPI_NoTypeIsAnInternalOne(t *testing.T) {
	for _, pkg := range publicPackages(t) {
		for _, file := range pkg.files {
			for _, name := range internalTypes(file) {
				t.Errorf("%s.%s is a type of an internal package, want a type whose fields go doc shows", pkg.path, name)
			}
		}
	}
}

// publicPackage is a package that other modules can import, without its tests.
type publicPackage struct {
	path  string
	set   *token.FileSet
	files []*ast.File
}

var notPublic = regexp.MustCompile(`^(\..+|internal|cmd|examples|docs|testdata)$`)

// publicPackages parses the public packages, the root first.
func publicPackages(t *testing.T) []publicPackage {
	t.Helper()
	var packages []publicPackage
	err := filepath.WalkDir(".", func(dir string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || !entry.IsDir():
			return err
		case notPublic.MatchString(entry.Name()):
			return fs.SkipDir
		}
		set := token.NewFileSet()
		if files := parseFiles(t, set, dir); len(files) > 0 {
			packages = append(packages, publicPackage{filepath.ToSlash(filepath.Join(module, dir)), set, files})
		}
		return nil
	})
	if err != nil || len(packages) == 0 || packages[0].path != module {
		t.Fatalf("public packages = %v, %v, want the root first", packages, err)
	}
	return packages
}

func parseFiles(t *testing.T, set *token.FileSet, dir string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatalf("filepath.Glob = %v, want no error", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			t.Fatalf("parser.ParseFile = %v, want no error", err)
		}
		files = append(files, file)
	}
	return files
}

// exportedNames returns the exported names that a declaration adds to its package. A method
// adds none.
func exportedNames(decl ast.Decl) (names []string) {
	add := func(idents ...*ast.Ident) {
		for _, ident := range idents {
			if ident.IsExported() {
				names = append(names, ident.Name)
			}
		}
	}
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			add(decl.Name)
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				add(spec.Name)
			case *ast.ValueSpec:
				add(spec.Names...)
			}
		}
	}
	return names
}

// undocumented returns the exported names of a declaration, methods included, that have no
// comment of their own.
func undocumented(decl ast.Decl) (names []string) {
	if fn, ok := decl.(*ast.FuncDecl); ok && fn.Name.IsExported() && fn.Doc == nil && exportedReceiver(fn) {
		return []string{fn.Name.Name}
	}
	gen, ok := decl.(*ast.GenDecl)
	if !ok || gen.Doc != nil && !gen.Lparen.IsValid() {
		return nil
	}
	for _, spec := range gen.Specs {
		alone := &ast.GenDecl{Specs: []ast.Spec{spec}}
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Doc != nil || spec.Comment != nil {
				continue
			}
		case *ast.ValueSpec:
			if spec.Doc != nil || spec.Comment != nil {
				continue
			}
		}
		names = append(names, exportedNames(alone)...)
	}
	return names
}

// exportedReceiver reports whether a function is no method, or one of an exported type.
func exportedReceiver(fn *ast.FuncDecl) bool {
	exported := true
	if fn.Recv != nil {
		ast.Inspect(fn.Recv.List[0].Type, func(node ast.Node) bool {
			ident, ok := node.(*ast.Ident)
			exported = exported && (!ok || ident.IsExported())
			return !ok
		})
	}
	return exported
}

// internalTypes returns the exported types of a file that are, or are defined as, a type of
// an internal package.
func internalTypes(file *ast.File) (names []string) {
	internal := map[string]bool{}
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value) // it was parsed
		internal[path[strings.LastIndex(path, "/")+1:]] = strings.Contains(path, "/internal/")
	}
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			one, ok := spec.(*ast.TypeSpec)
			if !ok || !one.Name.IsExported() {
				continue
			}
			if from, ok := one.Type.(*ast.SelectorExpr); ok && internal[from.X.(*ast.Ident).Name] {
				names = append(names, one.Name.Name)
			}
		}
	}
	return names
}

// listing prints exported declarations, without comments.
type listing struct {
	files *token.FileSet
	text  bytes.Buffer
}

func (l *listing) pkg(t *testing.T, p publicPackage) {
	t.Helper()
	l.files = p.set
	pkg, err := doc.NewFromFiles(p.set, p.files, p.path)
	if err != nil {
		t.Fatalf("doc.NewFromFiles = %v, want no error", err)
	}
	l.text.WriteString("package " + p.path + "\n")
	l.values(pkg.Consts, pkg.Vars)
	l.funcs(pkg.Funcs)
	for _, one := range pkg.Types {
		l.add(one.Decl)
		l.values(one.Consts, one.Vars)
		l.funcs(one.Funcs, one.Methods)
	}
}

func (l *listing) values(groups ...[]*doc.Value) {
	for _, value := range slices.Concat(groups...) {
		l.add(value.Decl)
	}
}

func (l *listing) funcs(groups ...[]*doc.Func) {
	for _, one := range slices.Concat(groups...) {
		one.Decl.Doc, one.Decl.Body = nil, nil
		l.add(one.Decl)
	}
}

func (l *listing) add(decl ast.Decl) {
	if gen, ok := decl.(*ast.GenDecl); ok {
		gen.Doc = nil
	}
	var text bytes.Buffer
	if err := printer.Fprint(&text, l.files, decl); err != nil {
		panic(err) // a buffer takes everything that was parsed
	}
	for line := range strings.Lines(text.String() + "\n") {
		if code, _, _ := strings.Cut(line, "//"); strings.TrimSpace(code) != "" {
			l.text.WriteString(strings.TrimRight(code, " \n") + "\n")
		}
	}
}

package vaultkit_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden file anew")

const apiFile = "testdata/api.txt"

// TestAPI holds what the package exports against testdata/api.txt: whoever depends
// on it must not be surprised. After a change on purpose: go test -run API . -update
func TestAPI(t *testing.T) {
	got := exported(t)
	if *update {
		if err := os.WriteFile(apiFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(apiFile)
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for _, line := range before {
		if !slices.Contains(after, line) {
			t.Errorf("gone: %s", line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			t.Errorf("new: %s", line)
		}
	}
	if !t.Failed() && string(want) != got {
		t.Errorf("%s lists the same in another order", apiFile)
	}
}

// exported is the package's exported declarations, without comments.
func exported(t *testing.T) string {
	t.Helper()
	files := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var parsed []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	pkg, err := doc.NewFromFiles(files, parsed, "goblin/vaultkit")
	if err != nil {
		t.Fatal(err)
	}
	api := &listing{files: files}
	api.values(pkg.Consts, pkg.Vars)
	api.funcs(pkg.Funcs)
	for _, one := range pkg.Types {
		api.add(one.Decl)
		api.values(one.Consts, one.Vars)
		api.funcs(one.Funcs, one.Methods)
	}
	return api.text.String()
}

// listing prints declarations.
type listing struct {
	files *token.FileSet
	text  bytes.Buffer
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

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"slices"
	"strconv"
	"strings"
)

// mutant is one change of a source file.
type mutant struct {
	name       string // as in testdata/mutants.txt; edits of other functions do not change it
	file       string
	line       int
	start, end int // offsets of what text replaces
	text       string
}

// printers only produce text for people.
var printers = []string{"String", "GoString", "Format", "LogValue", "MarshalText", "MarshalJSON", "Error"}

// mutants returns every mutant of a file.
func mutants(path string, source []byte) []mutant {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
	if err != nil {
		log.Fatal(err)
	}
	s := &scan{files: files, source: source, path: path, seen: make(map[string]int)}
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if s.function = s.functionName(d); d.Body != nil && !slices.Contains(printers, d.Name.Name) {
				s.body(d.Type, d.Body)
			}
		case *ast.GenDecl:
			if s.function = d.Tok.String(); d.Tok != token.IMPORT {
				ast.Inspect(d, s.visit)
			}
		}
	}
	return s.found
}

// scan collects the mutants of one file.
type scan struct {
	files    *token.FileSet
	source   []byte
	path     string
	function string // or const, var, type
	seen     map[string]int
	found    []mutant
}

func (s *scan) code(n ast.Node) string {
	return string(s.source[s.files.Position(n.Pos()).Offset:s.files.Position(n.End()).Offset])
}

// functionName returns Function or Type.Method.
func (s *scan) functionName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	receiver, _, _ := strings.Cut(strings.Trim(s.code(f.Recv.List[0].Type), "*"), "[")
	return receiver + "." + f.Name.Name
}

// replace adds a mutant with text in the place of n. Mutants of one function that look the same are
// numbered.
func (s *scan) replace(operator string, n ast.Node, text string) {
	place, change := s.path+":"+s.function, "\t"+operator+"\t"+oneLine(s.code(n))+"\t"+oneLine(text)
	s.seen[place+change]++
	if nth := s.seen[place+change]; nth > 1 {
		place += fmt.Sprintf("#%d", nth)
	}
	from, to := s.files.Position(n.Pos()), s.files.Position(n.End())
	s.found = append(s.found, mutant{place + change, s.path, from.Line, from.Offset, to.Offset, text})
}

// oneLine shortens code to one line of the list.
func oneLine(code string) string {
	const longest = 90
	short := []rune(strings.Join(strings.Fields(code), " "))
	if len(short) > longest {
		return string(short[:longest]) + "…"
	}
	return string(short)
}

// body adds the mutants of a function, and of the functions in it.
func (s *scan) body(signature *ast.FuncType, body *ast.BlockStmt) {
	results := signature.Results.NumFields()
	returnsError := results > 0 && s.code(signature.Results.List[len(signature.Results.List)-1].Type) == "error"
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			s.body(n.Type, n.Body)
			return false
		case *ast.ReturnStmt:
			if returned := len(n.Results); returnsError && returned > 0 && s.code(n.Results[returned-1]) != "nil" {
				s.replace("return nil", n.Results[returned-1], "nil")
			}
		}
		return s.visit(n)
	})
}

var swaps = map[token.Token]string{
	token.EQL: "!=", token.NEQ: "==", token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.LAND: "||", token.LOR: "&&",
}

func (s *scan) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		s.negate(n.Cond)
	case *ast.BinaryExpr:
		if other := swaps[n.Op]; other != "" {
			s.replace("swap "+n.Op.String(), n, s.code(n.X)+" "+other+" "+s.code(n.Y))
		}
	case *ast.BasicLit:
		if number, err := strconv.ParseInt(n.Value, 0, 64); err == nil && n.Kind == token.INT {
			s.replace("constant", n, strconv.FormatInt(otherThan(number), 10))
		}
	case *ast.Ident:
		if other := map[string]string{"true": "false", "false": "true"}[n.Name]; other != "" {
			s.replace("constant", n, other)
		}
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.SendStmt, *ast.DeferStmt:
		s.replace("delete", n, "")
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			s.replace("delete", n, "")
		}
	case *ast.BranchStmt:
		if n.Tok == token.CONTINUE || n.Tok == token.BREAK {
			s.replace("delete", n, "")
		}
	}
	return true
}

// negate leaves out equations, because a swap negates them.
func (s *scan) negate(condition ast.Expr) {
	if b, ok := condition.(*ast.BinaryExpr); !ok || b.Op != token.EQL && b.Op != token.NEQ {
		s.replace("negate", condition, "!("+s.code(condition)+")")
	}
}

// otherThan adds one to zero and one, and makes a larger number ten times as large: one second more of
// thirty would hardly be seen.
func otherThan(number int64) int64 {
	if number < 2 {
		return number + 1
	}
	return 10 * number
}

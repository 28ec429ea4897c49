package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func TestList_EachMutantIsKilledOrExplained(t *testing.T) {
	list := readList(t)
	if fewest := 60; len(list) < fewest {
		t.Errorf("testdata/mutants.txt has %d mutants, want at least %d", len(list), fewest)
	}
	for name, result := range list {
		kind, text, _ := strings.Cut(result, " ")
		if !slices.Contains([]string{"killed", "equivalent:", "outdated:"}, kind) || text == "" {
			t.Errorf("testdata/mutants.txt: %s: the result is %q, want killed by <test>, equivalent: <reason> or outdated: <reason>", name, result)
		}
	}
}

// TestList_NamesFunctionsThatExist does not look for the changed code, or almost every change of the
// library would need one of the list.
func TestList_NamesFunctionsThatExist(t *testing.T) {
	functions := make(map[string]bool)
	for _, g := range groups {
		for _, m := range g.candidates(root) {
			functions[place(m.name)] = true
		}
	}
	for name, result := range readList(t) {
		if !functions[place(name)] && !strings.HasPrefix(result, "outdated: ") {
			t.Errorf("testdata/mutants.txt: %s is gone, want its new name, or the result outdated: <reason>", place(name))
		}
	}
}

// place returns file:function of a mutant.
func place(name string) string { return name[:strings.IndexAny(name, "#\t")] }

func TestMutants_FindsEachOperator(t *testing.T) {
	const source = `package p
const wait = 30 * second
func (b *box[T]) f(a, c int) (int, error) {
	defer b.unlock()
	if ok(a) && a < 1 {
		b.n = a
	}
	for a != c {
		continue
	}
	go func() error { return b.close() }()
	return 2, b.err
}
func (b *box[T]) String() string { return text(b.n == 1) }
`
	var got []string
	for _, m := range mutants("p/p.go", []byte(source)) {
		got = append(got, m.name)
	}
	want := []string{
		"p/p.go:const\tconstant\t30\t300",
		"p/p.go:box.f\tdelete\tdefer b.unlock()\t",
		"p/p.go:box.f\tnegate\tok(a) && a < 1\t!(ok(a) && a < 1)",
		"p/p.go:box.f\tswap &&\tok(a) && a < 1\tok(a) || a < 1",
		"p/p.go:box.f\tswap <\ta < 1\ta <= 1",
		"p/p.go:box.f\tconstant\t1\t2",
		"p/p.go:box.f\tdelete\tb.n = a\t",
		"p/p.go:box.f\tswap !=\ta != c\ta == c",
		"p/p.go:box.f\tdelete\tcontinue\t",
		"p/p.go:box.f\treturn nil\tb.close()\tnil",
		"p/p.go:box.f\treturn nil\tb.err\tnil",
		"p/p.go:box.f\tconstant\t2\t20",
	}
	if !slices.Equal(got, want) {
		t.Errorf("mutants = \n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestParseLine(t *testing.T) {
	const name = "kv/data.go:Store.Read#2\tdelete\tcall()\t"
	for line, want := range map[string]string{name + "\tkilled by TestRead": "killed by TestRead", name: "", strings.TrimSpace(name): ""} {
		if gotName, result := parseLine(line); gotName != name || result != want {
			t.Errorf("parseLine(%q) = %q, %q, want %q, %q", line, gotName, result, name, want)
		}
	}
}

// readList returns the results of testdata/mutants.txt by the mutants' names.
func readList(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(root + "/testdata/mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		name, result := parseLine(strings.TrimSuffix(line, "\n"))
		if _, twice := list[name]; twice {
			t.Errorf("testdata/mutants.txt has %q twice", name)
		}
		list[name] = result
	}
	return list
}

package main

import (
	"bufio"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// seed was chosen before the first draw.
const seed = 15

// group is a part of the library that mutants are drawn from.
type group struct {
	dirs  []string
	drawn int
	own   []string // the packages whose tests run first
	wider []string // those that run one after another if no test of the first fails
}

var groups = []group{
	{[]string{"internal/rotation"}, 28, []string{"./internal/rotation"},
		[]string{".", "./cmd/vaultkit", "./internal/systemtest", "./internal/faulttest"}},
	{[]string{"internal/session"}, 12, []string{"./internal/session"}, []string{".", "./internal/systemtest", "./cmd/vaultkit"}},
	{[]string{"internal/kv"}, 12, []string{"./internal/kv"}, []string{"./internal/rotation", ".", "./cmd/vaultkit", "./internal/systemtest"}},
	{[]string{"internal/cache"}, 8, []string{"./internal/cache"}, []string{".", "./internal/systemtest"}},
	{[]string{"internal/envformat", "envfile"}, 8, []string{"./internal/envformat", "./envfile"}, []string{".", "./cmd/vaultkit"}},
}

func main() {
	log.SetFlags(0)
	switch {
	case len(os.Args) == 2 && os.Args[1] == "draw":
		draw()
	case len(os.Args) > 1 && os.Args[1] == "run":
		run(os.Args[2:])
	default:
		log.Fatal("usage: go run ./internal/mutation draw|run [ARGUMENTS OF go test]")
	}
}

// draw prints a random choice of mutants that compile, no two of them on one line.
func draw() {
	for _, g := range groups {
		pool := g.candidates(".")
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
		taken := make(map[string]bool)
		for _, m := range pool {
			line := fmt.Sprint(m.file, m.line)
			if len(taken) < g.drawn && !taken[line] && m.compiles() {
				taken[line] = true
				fmt.Println(m.name)
			}
		}
		log.Printf("%s: %d candidates, %d drawn", g.dirs, len(pool), len(taken))
	}
}

// run runs the lines of standard input that have no result, and prints every line.
func run(args []string) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		name, result := parseLine(lines.Text())
		if result == "" {
			result = runNamed(name, args)
		}
		fmt.Println(name + "\t" + result)
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}

func runNamed(name string, args []string) string {
	for _, g := range groups {
		for _, m := range g.candidates(".") {
			if m.name == name {
				return m.run(g, args)
			}
		}
	}
	return "outdated: the code is no longer there"
}

// parseLine splits a line of testdata/mutants.txt. The name is place, operator, before and after, with
// tabs between them.
func parseLine(line string) (name, result string) {
	const columns = 5
	parts := strings.Split(line, "\t")
	parts = append(parts, slices.Repeat([]string{""}, max(0, columns-len(parts)))...)
	return strings.Join(parts[:columns-1], "\t"), strings.Join(parts[columns-1:], "\t")
}

// candidates returns every mutant of the group.
func (g group) candidates(root string) (all []mutant) {
	for _, dir := range g.dirs {
		paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil || len(paths) == 0 {
			log.Fatalf("no Go files in %s: %v", dir, err)
		}
		for _, path := range paths {
			if !strings.HasSuffix(path, "_test.go") {
				source, err := os.ReadFile(path)
				if err != nil {
					log.Fatal(err)
				}
				all = append(all, mutants(dir+"/"+filepath.Base(path), source)...)
			}
		}
	}
	return all
}

package docs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goTest is a "go test" command in a page's code: its arguments.
var goTest = regexp.MustCompile("\\bgo test ((?:'[^'\n]*'|[^`\n|#;&])*)")

// changeDir is a command that goes to a directory of the repository first.
var changeDir = regexp.MustCompile(`(?m)\bcd (\S+) && `)

// TestNamedTestsExist looks for the tests and benchmarks that pages tell people to run.
func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	names := testNames(t)
	for _, p := range pages(t) {
		text, err := os.ReadFile(filepath.Join(root, p.name))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range changeDir.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(root, match[1])); err != nil {
				t.Errorf("%s: cd %s: Stat = %v, want a directory", p.name, match[1], err)
			}
		}
		for _, match := range goTest.FindAllStringSubmatch(string(text), -1) {
			checkGoTest(t, names, p.name, strings.Fields(match[1]))
		}
	}
}

// checkGoTest checks that packages of the command hold what its -run and -bench name.
func checkGoTest(t *testing.T, names map[string][]string, page string, args []string) {
	t.Helper()
	var patterns, packages []string
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-run" || arg == "-bench":
			i++
			patterns = append(patterns, strings.Trim(args[i], "'"))
		case arg == "-timeout":
			i++
		case strings.HasPrefix(arg, "."):
			packages = append(packages, arg)
		case !strings.HasPrefix(arg, "-"):
			t.Errorf("%s: go test %s: %q, want a package of this repository", page, strings.Join(args, " "), arg)
		}
	}
	for _, pattern := range patterns {
		if pattern != "^$" && !exists(names, packages, regexp.MustCompile(pattern)) {
			t.Errorf("%s: go test %s: no test matches %q, want one", page, strings.Join(args, " "), pattern)
		}
	}
	for _, dir := range packages {
		if _, err := os.Stat(filepath.Join(root, strings.TrimSuffix(dir, "..."))); err != nil {
			t.Errorf("%s: go test %s: Stat = %v, want a directory", page, strings.Join(args, " "), err)
		}
	}
}

// exists reports whether one of the packages has a test or benchmark that matches.
func exists(names map[string][]string, packages []string, pattern *regexp.Regexp) bool {
	for _, arg := range packages {
		below, all := strings.CutSuffix(arg, "...")
		for dir, found := range names {
			inside := dir == path.Clean(arg) || all && (path.Clean(below) == "." || strings.HasPrefix(dir+"/", path.Clean(below)+"/"))
			for _, name := range found {
				if inside && pattern.MatchString(name) {
					return true
				}
			}
		}
	}
	return false
}

// testNames returns the names of tests and benchmarks by directory.
func testNames(t *testing.T) map[string][]string {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Benchmark)\w*)\(`)
	names := map[string][]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		for _, match := range declared.FindAllSubmatch(text, -1) {
			names[path.Dir(name)] = append(names[path.Dir(name)], string(match[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

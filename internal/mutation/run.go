package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// How long tests may take. Without a mutant, those of a package that is drawn from take less than a
// minute and a half, the wider ones up to twenty.
const (
	ownTimeout   = "-timeout=4m"
	widerTimeout = "-timeout=40m"
)

// run returns what became of the mutant. With args, only go test with args runs.
func (m mutant) run(g group, args []string) string {
	tests := [][]string{slices.Concat([]string{ownTimeout}, g.own)}
	for _, pkg := range g.wider {
		tests = append(tests, []string{widerTimeout, pkg})
	}
	if len(args) > 0 {
		tests = [][]string{args}
	}
	if !m.compiles() {
		return "outdated: it does not compile"
	}
	for _, one := range tests {
		if test, output := m.killedBy(one); test != "" {
			log.Printf("%s\n%s", m.name, output)
			return "killed by " + test
		}
	}
	return "survived"
}

// killedBy returns the test that fails with the mutant, or nothing. A test that passes when it runs again
// has failed for another reason, such as a busy machine, and the others run without it.
func (m mutant) killedBy(args []string) (test, output string) {
	args = slices.Concat([]string{"test", "-vet=off", "-failfast"}, args)
	unsteady := "^("
	for {
		output, err := m.goTool(slices.Concat(args, []string{"-skip=" + unsteady + ")$"})...)
		if err == nil {
			return "", ""
		}
		test, hung := failedTest(output)
		if test == "" {
			mustPass(args)
			return "TestMain" + m.where(output), output
		}
		if hung {
			return test + " (timeout)" + m.where(output), output
		}
		if _, err := m.goTool(slices.Concat(args, []string{"-run=^" + test + "$"})...); err != nil {
			return test + m.where(output), output
		}
		unsteady += "|" + test
	}
}

// mustPass ends the program if the tests fail without a mutant: then their failure says nothing
// about one.
func mustPass(args []string) {
	//nolint:gosec // a tool for developers, with their arguments
	if text, err := exec.CommandContext(context.Background(), "go", args...).CombinedOutput(); err != nil {
		log.Fatalf("the tests fail without a mutant: go %s: %v\n%s", strings.Join(args, " "), err, text)
	}
}

var (
	failedPackage = regexp.MustCompile(`(?m)^FAIL\t(\S+)`)
	failLine      = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	runningTest   = regexp.MustCompile(`running tests:\s+(\w+)`)
	traced        = regexp.MustCompile(`\.(Test\w+)\.func`)
)

// failedTest finds the test that failed, hung, or ended the program.
func failedTest(output string) (test string, hung bool) {
	if found := runningTest.FindStringSubmatch(output); found != nil {
		return found[1], true
	}
	for _, trace := range []*regexp.Regexp{failLine, traced} {
		if found := trace.FindStringSubmatch(output); found != nil {
			return found[1], false
		}
	}
	return "", false
}

// where names the package of the failed test, unless it is the mutant's own.
func (m mutant) where(output string) string {
	found := failedPackage.FindStringSubmatch(output)
	if found == nil || strings.HasSuffix(found[1], "/"+path.Dir(m.file)) {
		return ""
	}
	return " in " + found[1]
}

func (m mutant) compiles() bool {
	_, err := m.goTool("build", "./"+path.Dir(m.file))
	return err == nil
}

// goTool runs a go command as if the mutant were in the tree.
func (m mutant) goTool(args ...string) (output string, err error) {
	dir, err := os.MkdirTemp("", "vaultkit-mutant")
	if err != nil {
		log.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := m.writeOverlay(overlay, filepath.Join(dir, "mutant.go")); err != nil {
		log.Fatal(err)
	}
	//nolint:gosec // a tool for developers, with their arguments
	text, err := exec.CommandContext(context.Background(), "go", slices.Concat(args[:1], []string{"-overlay", overlay}, args[1:])...).CombinedOutput()
	return string(text), errors.Join(err, os.RemoveAll(dir))
}

// writeOverlay writes the changed file, and the overlay that puts it in the place of the original.
func (m mutant) writeOverlay(overlay, changed string) error {
	original, err := filepath.Abs(m.file)
	if err != nil {
		return err
	}
	source, err := os.ReadFile(original)
	if err != nil {
		return err
	}
	text := fmt.Sprint(string(source[:m.start]), m.text, string(source[m.end:]))
	if err := os.WriteFile(changed, []byte(text), 0o600); err != nil { //nolint:gosec // in a new directory
		return err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		return err
	}
	return os.WriteFile(overlay, replace, 0o600)
}

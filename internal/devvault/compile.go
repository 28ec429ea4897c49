package devvault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

// progressEvery is the time between progress messages of a build or of the wait for one.
const progressEvery = 10 * time.Second

// maxBuildOutput limits how much of the compiler's output an error contains.
const maxBuildOutput = 16 << 10

// buildFlags are the flags of go build, and of go list, which returns what has to be
// compiled with them.
var buildFlags = []string{"-trimpath", "-buildvcs=false", "-ldflags", "-s -w"}

// buildEnv returns our environment with a fixed value for each setting that changes the
// binary and is not part of the cache key: flags, a workspace, cross compilation, cgo.
func buildEnv() []string {
	return append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0",
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
}

// compilation builds the program in a directory and reports its progress. It first
// downloads the modules and then compiles the packages.
type compilation struct {
	source string
	temp   string // the go command's temporary directory
	log    io.Writer
	every  time.Duration // between two progress messages
}

func (c *compilation) run(ctx context.Context, out string) error {
	packages, err := c.download(ctx)
	if err != nil {
		return err
	}
	return c.compile(ctx, packages, out)
}

// packages are the packages of a program: the number of all, and the import paths of those
// that have to be compiled.
type packages struct {
	all   int
	stale map[string]bool
}

// download fetches modules that are not in the module cache, and returns the packages to
// compile.
func (c *compilation) download(ctx context.Context) (packages, error) {
	limit, err := c.modules(ctx)
	if err != nil {
		return packages{}, err
	}
	args := append([]string{"list", "-deps", "-f", "{{.Stale}} {{.ImportPath}}"}, buildFlags...)
	start := time.Now()
	list := command{
		args:   append(args, "."),
		counts: func(line string) bool { return strings.HasPrefix(line, "go: downloading ") },
		report: func(done int) {
			fmt.Fprintf(c.log, "downloading modules: %d of at most %d (%s)\n", done, limit, elapsed(start))
		},
	}
	text, err := c.goCommand(ctx, &list)
	if done := list.counted.Load(); err == nil && done > 0 {
		fmt.Fprintf(c.log, "downloaded modules: %d (%s)\n", done, elapsed(start))
	}
	return parsePackages(text), err
}

// modules returns how many modules may have to be downloaded: those that go.mod requires,
// without those that it replaces by a directory.
func (c *compilation) modules(ctx context.Context) (int, error) {
	text, err := c.goCommand(ctx, &command{args: []string{"mod", "edit", "-json"}})
	if err != nil {
		return 0, err
	}
	var file struct {
		Require []struct{ Path string }
		Replace []struct {
			Old struct{ Path string }
			New struct{ Version string }
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return 0, fmt.Errorf("go mod edit -json: %w", err)
	}
	here := map[string]bool{}
	for _, replaced := range file.Replace {
		here[replaced.Old.Path] = replaced.New.Version == ""
	}
	limit := 0
	for _, required := range file.Require {
		if !here[required.Path] {
			limit++
		}
	}
	return limit, nil
}

// parsePackages parses a line for each package, with whether it is stale and its import
// path.
func parsePackages(text []byte) packages {
	found := packages{stale: map[string]bool{}}
	for line := range strings.Lines(string(text)) {
		found.all++
		stale, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if stale == "true" {
			found.stale[path] = true
		}
	}
	return found
}

// compile compiles and links the program.
func (c *compilation) compile(ctx context.Context, p packages, out string) error {
	start := time.Now()
	cached := p.all - len(p.stale)
	fmt.Fprintf(c.log, "compiling: %d packages, %d of them are in the build cache\n", p.all, cached)
	_, err := c.goCommand(ctx, &command{
		args:   append(append([]string{"build", "-v", "-o", out}, buildFlags...), "."),
		counts: func(line string) bool { return p.stale[line] }, // when its compilation starts
		report: func(started int) {
			what := ""
			if started == len(p.stale) {
				what = ", linking"
			}
			fmt.Fprintf(c.log, "compiling: %d of %d packages%s (%s)\n", cached+started, p.all, what, elapsed(start))
		},
	})
	return err
}

func elapsed(start time.Time) time.Duration { return time.Since(start).Round(time.Second) }

// command is a run of the go command that reports progress by lines on stderr.
type command struct {
	args    []string
	counts  func(line string) bool // whether a line of stderr is progress; nil: none is
	report  func(done int)         // called now and then; nil: no report
	counted atomic.Int64
}

// goCommand runs the go command and returns its stdout. Its error contains stderr without
// the progress.
func (c *compilation) goCommand(ctx context.Context, run *command) ([]byte, error) {
	var stdout bytes.Buffer
	stderr := lineFilter{each: func(line string) bool {
		if run.counts == nil || !run.counts(line) {
			return false
		}
		run.counted.Add(1)
		return true
	}}
	cmd := exec.Command("go", run.args...)
	cmd.Dir, cmd.Env = c.source, append(buildEnv(), "GOTMPDIR="+c.temp)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 10 * time.Second
	proc, err := startProcess(cmd)
	if err != nil {
		return nil, err
	}
	if err := run.wait(ctx, proc, c.every); err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", run.args[0], err, strings.TrimSpace(tail(stderr.rest(), maxBuildOutput)))
	}
	return stdout.Bytes(), nil
}

// wait waits for the command and reports its progress. If ctx ends, it ends the command
// and the compilers that the command has started.
func (run *command) wait(ctx context.Context, proc *process, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-proc.done:
			return proc.err
		case <-ctx.Done():
			err := terminateGroup(proc.os)
			<-proc.done
			return errors.Join(context.Cause(ctx), err)
		case <-ticker.C:
			if run.report != nil {
				run.report(int(run.counted.Load()))
			}
		}
	}
}

// lineFilter is a writer that keeps the lines for which each returns false.
type lineFilter struct {
	each    func(line string) (taken bool)
	partial []byte // beginning of an incomplete line
	kept    bytes.Buffer
}

func (l *lineFilter) Write(text []byte) (int, error) {
	l.partial = append(l.partial, text...)
	for {
		line, after, ended := bytes.Cut(l.partial, []byte("\n"))
		if !ended {
			return len(text), nil
		}
		l.partial = after
		if !l.each(strings.TrimSuffix(string(line), "\r")) {
			l.kept.Write(line)
			l.kept.WriteByte('\n')
		}
	}
}

// rest returns what was kept.
func (l *lineFilter) rest() []byte { return append(l.kept.Bytes(), l.partial...) }

// tail returns the end of a text, from the start of a line.
func tail(text []byte, most int) string {
	if len(text) <= most {
		return string(text)
	}
	text = text[len(text)-most:]
	if _, rest, ok := bytes.Cut(text, []byte("\n")); ok {
		text = rest
	}
	return "…\n" + string(text)
}

package devvault

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

// progressEvery is how often a build, or the wait for one, says how far it is.
const progressEvery = 10 * time.Second

// maxBuildOutput bounds how much of the compiler's output an error carries.
const maxBuildOutput = 16 << 10

// buildFlags are those of the build, and of the question what it has to compile,
// which has another answer with other flags.
var buildFlags = []string{"-trimpath", "-buildvcs=false", "-ldflags", "-s -w"}

// buildEnv is our environment, less what could change the binary behind the
// key's back: flags, a workspace, cross compilation, cgo.
func buildEnv() []string {
	return append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0",
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
}

// compilation builds the program in a directory and says how far it is: first the
// modules are downloaded, then the packages compiled.
type compilation struct {
	source string
	log    io.Writer
	every  time.Duration // between two lines of progress
}

func (c *compilation) run(ctx context.Context, out string) error {
	packages, err := c.download(ctx)
	if err != nil {
		return err
	}
	return c.compile(ctx, packages, out)
}

// packages are what a program consists of: all there are, and by import path those
// that have to be compiled.
type packages struct {
	all   int
	stale map[string]bool
}

// download fetches the modules that the build needs and that are not in the module
// cache, and returns what there is to compile.
func (c *compilation) download(ctx context.Context) (packages, error) {
	most, err := c.modules(ctx)
	if err != nil {
		return packages{}, err
	}
	args := append([]string{"list", "-deps", "-f", "{{.Stale}} {{.ImportPath}}"}, buildFlags...)
	start := time.Now()
	list := command{
		args:   append(args, "."),
		counts: func(line string) bool { return strings.HasPrefix(line, "go: downloading ") },
		report: func(done int) {
			fmt.Fprintf(c.log, "downloading modules: %d of at most %d (%s)\n", done, most, since(start))
		},
	}
	text, err := c.goCommand(ctx, &list)
	if done := list.counted.Load(); err == nil && done > 0 {
		fmt.Fprintf(c.log, "downloaded modules: %d (%s)\n", done, since(start))
	}
	return parsePackages(text), err
}

// modules is how many modules may have to be downloaded: those that go.mod requires,
// less those that it replaces by a directory.
func (c *compilation) modules(ctx context.Context) (int, error) {
	text, err := c.goCommand(ctx, &command{args: []string{"mod", "edit", "-json"}})
	if err != nil {
		return 0, err
	}
	var file struct {
		Require []struct{}
		Replace []struct{ New struct{ Version string } }
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return 0, fmt.Errorf("go mod edit -json: %w", err)
	}
	most := len(file.Require)
	for _, replacement := range file.Replace {
		if replacement.New.Version == "" {
			most--
		}
	}
	return most, nil
}

// parsePackages reads a line a package: whether it is stale, and its import path.
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
	fmt.Fprintf(c.log, "compiling %d of %d packages\n", len(p.stale), p.all)
	_, err := c.goCommand(ctx, &command{
		args:   append(append([]string{"build", "-v", "-o", out}, buildFlags...), "."),
		counts: func(line string) bool { return p.stale[line] },
		report: func(done int) {
			fmt.Fprintf(c.log, "compiling: %d of %d packages (%s)\n", p.all-len(p.stale)+done, p.all, since(start))
		},
	})
	return err
}

func since(start time.Time) time.Duration { return time.Since(start).Round(time.Second) }

// command is a run of the go command whose progress is a number of lines on stderr.
type command struct {
	args    []string
	counts  func(line string) bool // a line of progress; nil: there are none
	report  func(done int)         // called now and then; nil: nobody waits that long
	counted atomic.Int64
}

// goCommand runs the go command and returns its stdout. Its error holds what the
// command said on stderr, less the progress.
func (c *compilation) goCommand(ctx context.Context, run *command) ([]byte, error) {
	var stdout bytes.Buffer
	stderr := lines{each: func(line string) bool {
		if run.counts == nil || !run.counts(line) {
			return false
		}
		run.counted.Add(1)
		return true
	}}
	cmd := exec.CommandContext(ctx, "go", run.args...)
	cmd.Dir, cmd.Env = c.source, buildEnv()
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Cancel = func() error { return terminate(cmd.Process) } // lets the go command end its compilers
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := run.wait(cmd, c.every); err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", run.args[0], err, tail(stderr.rest(), maxBuildOutput))
	}
	return stdout.Bytes(), nil
}

// wait waits for the command and reports its progress meanwhile.
func (run *command) wait(cmd *exec.Cmd, every time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			if run.report != nil {
				run.report(int(run.counted.Load()))
			}
		}
	}
}

// lines is a writer that keeps the lines that each does not take.
type lines struct {
	each    func(line string) (taken bool)
	partial []byte // of a line that has not ended
	kept    bytes.Buffer
}

func (l *lines) Write(text []byte) (int, error) {
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

// rest is what was kept.
func (l *lines) rest() []byte { return append(l.kept.Bytes(), l.partial...) }

// tail returns the last bytes of a text, from the start of a line.
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

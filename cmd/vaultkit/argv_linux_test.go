package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulttest"
)

// Neither the program nor the processes that it starts have a key in their arguments, which
// every user of the machine can see.
func TestArguments_ContainNoKey(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stdin string
		args  func(provider, id, wait string) []string // wait is a command that ends when the test has read the arguments
	}{
		"rotate": {newKey(), func(provider, _, wait string) []string {
			return []string{"rotate", provider, "--new-key-stdin", "--verify-cmd", wait}
		}},
		"revoke-old": {"", func(provider, id, wait string) []string {
			return []string{"revoke-old", provider, id, "--cmd", wait}
		}},
		"exec": {"", func(provider, _, wait string) []string {
			return []string{"exec", "--provider", provider, "--", "sh", "-c", wait}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider, _, _, id := rotated(t)
			gate := newGate(t)
			run := begin(t, tc.stdin, tc.args(provider, id, "cat "+gate.path)...)
			gate.reached(t, run)
			seen := descendants(t, run.cmd.Process.Pid)
			gate.open()
			if err := <-run.ended; err != nil {
				t.Fatalf("vaultkit %s = %v, want success\n%s", name, err, run.errs.String())
			}
			has(t, "processes of vaultkit "+name, strings.Join(seen, "\n"), "cat "+gate.path) // the last process is among them
			for _, argv := range seen {
				if strings.Contains(argv, canary) {
					t.Errorf("vaultkit %s: a process has the arguments %q, want no key in them", name, argv)
				}
			}
		})
	}
}

// running is a process of the program.
type running struct {
	cmd   *exec.Cmd
	errs  logbuffer.Buffer
	ended chan error
}

// begin starts the program with a rotator's token.
func begin(t *testing.T, stdin string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r := &running{cmd: exec.CommandContext(ctx, program(t), args...), ended: make(chan error, 1)}
	r.cmd.Stdin, r.cmd.Stderr = strings.NewReader(stdin), &r.errs
	r.cmd.Env = append(os.Environ(), "VAULT_ADDR="+vaulttest.Server().Addr(), "VAULTKIT_TOKEN_FILE="+file(t, role(t, "rotator")))
	if err := r.cmd.Start(); err != nil {
		t.Fatalf("cmd.Start() = %v, want no error", err)
	}
	go func() { r.ended <- r.cmd.Wait() }()
	return r
}

// gate is a named pipe whose reader waits until the gate opens.
type gate struct {
	path string
	pipe chan *os.File // gets the write end when a process reads
	ours *os.File
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{path: filepath.Join(t.TempDir(), "gate"), pipe: make(chan *os.File, 1)}
	if err := syscall.Mkfifo(g.path, 0o600); err != nil {
		t.Fatalf("syscall.Mkfifo() = %v, want no error", err)
	}
	go func() {
		pipe, _ := os.OpenFile(g.path, os.O_WRONLY, 0) // waits for a reader
		g.pipe <- pipe
	}()
	return g
}

// reached returns when a process waits at the gate.
func (g *gate) reached(t *testing.T, by *running) {
	t.Helper()
	select {
	case g.ours = <-g.pipe:
	case err := <-by.ended:
		reader, _ := os.OpenFile(g.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // ends the wait of the goroutine
		_, _ = (<-g.pipe).Close(), reader.Close()
		t.Fatalf("vaultkit %s = %v, want its command to read %s first\n%s", strings.Join(by.cmd.Args[1:], " "), err, g.path, by.errs.String())
	}
}

func (g *gate) open() { _ = g.ours.Close() }

// descendants returns the command lines of a process and of its descendants.
func descendants(t *testing.T, pid int) (argvs []string) {
	t.Helper()
	children := map[int][]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatalf("filepath.Glob() = %v, want no error", err)
	}
	for _, path := range stats {
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		text, _ := os.ReadFile(path) // it may have ended
		var state string
		var parent int
		_, _ = fmt.Sscan(string(text[bytes.LastIndexByte(text, ')')+1:]), &state, &parent)
		children[parent] = append(children[parent], child)
	}
	for family := []int{pid}; len(family) > 0; family = slices.Concat(family[1:], children[family[0]]) {
		argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", family[0]))
		if err != nil {
			t.Errorf("os.ReadFile() = %v, want no error", err)
		}
		argvs = append(argvs, strings.ReplaceAll(string(argv), "\x00", " "))
	}
	return argvs
}

package main

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

// If vaultkit is killed with SIGKILL, the child gets SIGTERM.
func TestExecWatch_ChildEndsWithVaultkit(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	e := execTest{binary: program(t), provider: provider, variable: variableOf(provider)}
	w := e.watch(t, `trap 'trap "" TERM; echo ends; kill -KILL $!; exit' TERM; `+app)
	w.start(t, key)
	w.signal(t, syscall.SIGKILL)
	w.line(t, "ends")
	w.ends(t, -1)
	vaulttest.Eventually(t, "the processes of the child end", func() bool { return !slices.ContainsFunc(w.pids, runs) })
}

// The child has the same open files as the command of vaultkit exec without --watch.
func TestExecWatch_LeaksNoDescriptor(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	e := execTest{binary: program(t), provider: provider}
	const list = "ls /proc/$$/fd"
	plain, watched := e.output(t, "--", "sh", "-c", list), e.output(t, "--watch", "--", "sh", "-c", list)
	if !strings.HasPrefix(plain, "0\n1\n") || watched != plain {
		t.Errorf("the command of vaultkit exec --watch has the descriptors %q, want %q as without --watch", watched, plain)
	}
}

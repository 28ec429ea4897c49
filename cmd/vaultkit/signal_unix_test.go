//go:build unix

package main

import (
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/faultproxy"
)

// The error of an interrupted request does not say why; the line after it names the signal.
func TestRun_NamesTheSignal(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGUSR1) // no other test uses it
	defer stop()
	provider, _ := stored(t)
	through := proxy(t, faultproxy.OnMatch("GET", commits, faultproxy.Hang().Before(func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
			panic(err) // the proxy reports it
		}
	})))
	vkBare(ctx, t, "", append([]string{"get", provider}, through...)...).want(t, exitcode.Failure,
		"Ended by a signal: user defined signal 1.\n")
	// A command that succeeds in spite of the signal does not mention it.
	if r := vkBare(ctx, t, "", "version"); r.code != exitcode.OK || strings.Contains(r.err, "signal") {
		t.Errorf("vaultkit version after a signal: exit code = %d, stderr = %q, want %d and no signal named", r.code, r.err, exitcode.OK)
	}
}

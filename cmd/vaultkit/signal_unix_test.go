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

// TestRun_NamesTheSignal: the error alone is about a request that was given up.
func TestRun_NamesTheSignal(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGUSR1) // one that ends nothing else here
	defer stop()
	provider, _ := stored(t)
	through := proxy(t, faultproxy.OnMatch("GET", commits, faultproxy.Hang().Before(func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
			panic(err) // the proxy reports it
		}
	})))
	vkBare(ctx, t, "", append([]string{"get", provider}, through...)...).want(t, exitcode.Failure, "Ended by a signal: user defined signal 1.\n")
	// A signal that came too late to matter is not worth a word.
	if r := vkBare(ctx, t, "", "version"); r.code != exitcode.OK || strings.Contains(r.err, "signal") {
		t.Errorf("vaultkit version after a signal: exit code = %d, stderr = %q, want %d and no signal named", r.code, r.err, exitcode.OK)
	}
}

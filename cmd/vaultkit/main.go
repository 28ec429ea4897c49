// Command vaultkit reads AI-provider keys from HashiCorp Vault, rotates them,
// and tells the story of both on a throw-away Vault: vaultkit demo.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), shutdownSignals()...)
	// Once the first Ctrl-C is noticed, a second one ends the program at once.
	context.AfterFunc(ctx, stop)
	// A closed pipe is then an error of a write, not the end of the program: a
	// rotation has to be finished, and demo and dev have a server to stop.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], terminal.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// shutdownSignals are the signals that ask the program to end. SIGHUP is left alone if it
// is already ignored, as under nohup.
func shutdownSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

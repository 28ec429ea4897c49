// Command vaultkit reads AI-provider keys from HashiCorp Vault and rotates them. Try it
// with: vaultkit demo.
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
	// After the first Ctrl-C, a second one ends the program at once.
	context.AfterFunc(ctx, stop)
	// With this, writing to a closed pipe returns an error and does not end the
	// program: a rotation must be finished, and demo and dev must stop their server.
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

package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// withClient logs in, does the work within the timeout, and logs out.
func (c *cli) withClient(cmd *cobra.Command, work func(context.Context, *vaultkit.Client) error) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), time.Duration(c.timeout))
	defer cancel()
	client, err := vaultkit.New(ctx, append(options, c.watchServer(), vaultkit.WithObserver(c.warnOfNames))...)
	if err != nil {
		return err
	}
	defer func() {
		if err := client.Close(); err != nil {
			c.Warn("%v", err)
		}
	}()
	return c.meant(ctx, client, work(ctx, client))
}

// warnOfNames tells of providers that are not listed.
func (c *cli) warnOfNames(e vaultkit.Event) {
	if e.Kind == vaultkit.EventLeftOut {
		c.Warn("%s", exitcode.Text(e.Err))
	}
}

// options are what the flags and the environment say, which includes an address.
func (c *cli) options() ([]vaultkit.Option, error) {
	options, environment, err := c.anyOptions()
	if err == nil && environment("VAULT_ADDR") == "" {
		return nil, exitcode.Invalid("no address:", "set VAULT_ADDR or give --address", "for a Vault to play with, run: vaultkit dev")
	}
	return options, err
}

// anyOptions are options that need not lead anywhere.
func (c *cli) anyOptions() ([]vaultkit.Option, func(name string) string, error) {
	environment, err := c.environment()
	if err != nil {
		return nil, nil, err
	}
	// One bound for everything. Only whoever asks for it waits longer than usual for
	// a server that cannot be reached.
	all := time.Duration(c.timeout)
	timeouts := vaultkit.Timeouts{Read: all, Write: all}
	if c.timeoutGiven() {
		timeouts.Start = all
	}
	return []vaultkit.Option{
		vaultkit.FromLookup(environment),
		vaultkit.WithLogger(c.logger()),
		vaultkit.WithTimeouts(timeouts),
	}, environment, nil
}

// logger is silent unless asked to be verbose: a command lives for seconds, and
// what matters of a failure is in its error.
func (c *cli) logger() *slog.Logger {
	if !c.verbose {
		return nil
	}
	return slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

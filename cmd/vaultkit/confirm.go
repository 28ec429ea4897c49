package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"goblin/vaultkit"
)

// canAsk reports that somebody is there to answer.
func (c *cli) canAsk() bool { return c.terminal != nil && isTerminal(c.In) }

// confirmAll asks before every key is replaced by one that no provider's API knows.
func (c *cli) confirmAll(ctx context.Context, providers int, f *rotateFlags) error {
	if f.yes || f.dryRun || providers == 0 {
		return nil
	}
	return c.confirm(ctx, fmt.Sprintf("Replace the key of every provider at %s (%d of them) by a random one, which no provider's API knows?",
		c.path("providers"), providers), "nothing was rotated")
}

// confirmPrune asks before backups are deleted.
func (c *cli) confirmPrune(ctx context.Context, provider string, prunable []vaultkit.Backup) error {
	fmt.Fprintf(c.Err, "These backups of %s would be deleted for good, values included:\n", provider)
	for _, b := range prunable {
		fmt.Fprintf(c.Err, "  version %d, replaced at %s: %s\n", b.Version, when(b.ReplacedAt), cell(b.ID))
	}
	return c.confirm(ctx, fmt.Sprintf("Delete them (%d)?", len(prunable)), "nothing was deleted")
}

// confirm asks a question. Any answer but yes is an error with the given text.
func (c *cli) confirm(ctx context.Context, question, refused string) error {
	fmt.Fprint(c.Err, question+" [y/N] ")
	answer, err := interruptible(ctx, func() (string, error) {
		line, err := bufio.NewReader(c.In.(*os.File)).ReadString('\n')
		return strings.ToLower(strings.TrimSpace(line)), err
	})
	if err != nil {
		return err
	}
	if answer != "y" && answer != "yes" {
		return errors.New(refused)
	}
	return nil
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// canAsk reports that somebody is there to answer.
func (c *cli) canAsk() bool { return c.terminal != nil && isTerminal(c.In) }

// confirmAll asks before every key is replaced by one that no provider's API knows.
func (c *cli) confirmAll(ctx context.Context, providers int, f *rotateFlags) error {
	if f.yes || f.dryRun || providers == 0 {
		return nil
	}
	fmt.Fprintf(c.Err, "Replace the key of every provider at %s (%d of them) by a random one, which no provider's API knows? [y/N] ",
		c.path("providers"), providers)
	answer, err := interruptible(ctx, func() (string, error) {
		line, err := bufio.NewReader(c.In.(*os.File)).ReadString('\n')
		return strings.ToLower(strings.TrimSpace(line)), err
	})
	if err != nil {
		return err
	}
	if answer != "y" && answer != "yes" {
		return errors.New("nothing was rotated")
	}
	return nil
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

const statusLong = `Show how old each provider's key is, when it expires, and which rotations crashed
or are under way. Without arguments it looks at every provider. It reads no
secret: a token with the monitor's policy is enough.

A key is due when its noted expiry (rotate --expires-in) has passed, or comes
within --due-within, or when it is in force for longer than --max-age; and when it
is deleted, or Vault will delete it within --due-within (delete_version_after). Then
the exit code is 3, so that a nightly job can tell somebody. A rule of thumb: rotate
quarterly in production (--max-age 90d), monthly in development (--max-age 30d).

A provider that cannot be looked at is told on stderr, and the others go on; the
exit code is then that of the first such error. Where there is no provider at all the
exit code is 4: a gate that looks at the wrong place must not pass.`

func (c *cli) statusCommand() *cobra.Command {
	dueWithin, maxAge := flagtype.Duration(7*flagtype.Day), flagtype.Duration(0)
	cmd := &cobra.Command{
		Use:   "status [PROVIDER...]",
		Short: "Show how old keys are, and which are due for rotation",
		Long:  statusLong,
		Example: "  vaultkit status --max-age 90d\n" +
			"  vaultkit status openai-gpt4 --due-within 2w --json",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.status(cmd, vaultkit.StatusQuery{
				Providers: args, DueWithin: time.Duration(dueWithin), MaxAge: time.Duration(maxAge),
			})
		},
	}
	cmd.Flags().Var(&dueWithin, "due-within", "a key is due this long before its noted expiry, or before Vault deletes it")
	cmd.Flags().Var(&maxAge, "max-age", "a key is due when it is in force for longer, such as 90d (default: at any age)")
	return cmd
}

func (c *cli) status(cmd *cobra.Command, query vaultkit.StatusQuery) error {
	var found []vaultkit.ProviderStatus
	var first error
	err := c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) error {
		step, done, err := c.statusProgress(ctx, client, query.Providers)
		if err != nil {
			return err
		}
		defer done()
		for one, err := range client.Status(ctx, query) {
			switch {
			case err == nil:
				found = append(found, one)
			case one.Provider == "", ctx.Err() != nil: // nothing more will come
				return err
			case first == nil:
				first = err // printed in the end
			default:
				c.PrintError(err)
			}
			step()
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case first != nil && len(found) == 0:
		return first
	}
	if err := cmp.Or(c.showStatus(found), first); err != nil {
		return err
	}
	if len(found) == 0 && len(query.Providers) == 0 {
		return c.NoProviderError()
	}
	return dueError(found)
}

// statusProgress needs to know how many there are, which only somebody who
// watches is worth another request for.
func (c *cli) statusProgress(ctx context.Context, client *vaultkit.Client, providers []string) (step, done func(), err error) {
	if c.Watched() && len(providers) == 0 {
		if providers, err = client.Providers(ctx); err != nil {
			return nil, nil, err
		}
	}
	step, done = c.Progress("looking", len(providers))
	return step, done, nil
}

func (c *cli) showStatus(found []vaultkit.ProviderStatus) error {
	if c.JSON {
		return c.Value(render.OrEmpty(found))
	}
	if len(found) == 0 {
		return nil
	}
	t := terminal.NewTable(c.Out, "", "PROVIDER", "VERSION", "AGE", "EXPIRES", "DUE", "NOTE")
	for _, s := range found {
		t.Row(s.Provider, strconv.Itoa(s.Version), ageOf(s.InForceFrom), render.When(s.ExpiresAt), string(s.Due), statusNote(s))
	}
	return t.Flush()
}

// ageOf is empty for a provider without any version.
func ageOf(inForceFrom time.Time) string {
	if inForceFrom.IsZero() {
		return ""
	}
	return roughly(time.Since(inForceFrom))
}

// roughly is an age as people say it: "12d", "5h" or "3m".
func roughly(age time.Duration) string {
	switch {
	case age >= 2*flagtype.Day:
		return fmt.Sprintf("%dd", age/flagtype.Day)
	case age >= 2*time.Hour:
		return fmt.Sprintf("%dh", age/time.Hour)
	}
	return fmt.Sprintf("%dm", max(0, age)/time.Minute) // clocks differ
}

// statusNote says what is out of the ordinary with a provider.
func statusNote(s vaultkit.ProviderStatus) string {
	var notes []string
	switch {
	case s.Destroyed:
		notes = append(notes, "destroyed")
	case s.DeletedAt.After(time.Now()):
		notes = append(notes, "will be deleted at "+render.When(s.DeletedAt))
	case !s.DeletedAt.IsZero():
		notes = append(notes, "deleted at "+render.When(s.DeletedAt))
	}
	if !s.LastExpiry.IsZero() {
		notes = append(notes, "no expiry is noted; an earlier version's was "+render.When(s.LastExpiry))
	}
	if len(s.Pending) > 0 {
		notes = append(notes, fmt.Sprintf("%d pending: vaultkit recover %s", len(s.Pending), s.Provider))
	}
	return strings.Join(notes, "; ")
}

// dueError is the outcome of a status that found keys to rotate.
func dueError(found []vaultkit.ProviderStatus) error {
	due, deleted := 0, 0
	for _, s := range found {
		switch s.Due {
		case "":
			continue
		case vaultkit.DueDeleted, vaultkit.DueDeletion:
			deleted++
		}
		due++
	}
	if due == 0 {
		return nil
	}
	text := fmt.Sprintf("due for rotation: %d of %d keys", due, len(found))
	if deleted > 0 {
		text += fmt.Sprintf("; %d deleted, or about to be", deleted)
	}
	return exitcode.WithCode(errors.New(text), exitcode.Due)
}

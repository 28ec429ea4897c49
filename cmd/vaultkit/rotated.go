package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// showRotation prints what a rotation or rollback did.
func (c *cli) showRotation(verb string, r *vaultkit.Rotation) error {
	return unprinted(inForce(r), c.printRotation(headline(verb, r), r))
}

// inForce says in one line what showRotation shows.
func inForce(r *vaultkit.Rotation) string {
	return fmt.Sprintf("the change of %s is committed and in force, version %s, id %s", r.Provider, versions(r.Record), r.ID)
}

// printRotation prints a rotation as JSON, or below a headline for people.
func (c *cli) printRotation(headline string, r *vaultkit.Rotation) error {
	if c.json {
		return c.printJSON(r)
	}
	_, err := fmt.Fprintln(c.Out, headline)
	t := terminal.NewTable(c.Out, "  ")
	t.Row("id", r.ID)
	t.Row("changed", strings.Join(r.FieldsChanged, ", "))
	t.Optional("brings back", broughtBack(r.Record))
	t.Optional("by", r.Actor)
	t.Optional("reason", r.Reason)
	t.Optional("key expires", when(r.ExpiresAt))
	t.Optional("in force since", when(r.CommittedAt))
	t.Optional("cause", r.Cause)
	c.showNews(r)
	return cmp.Or(err, t.Flush())
}

// showNews warns of what a rotation came across.
func (c *cli) showNews(r *vaultkit.Rotation) {
	for _, warning := range r.Warnings {
		c.Warn("%s", warning)
	}
	for _, id := range r.Pending {
		c.Warn("another rotation of %s is undecided, and harmless; vaultkit recover %[1]s looks again: %s", r.Provider, id)
	}
}

func headline(verb string, r *vaultkit.Rotation) string {
	done := fmt.Sprintf("%s %s, version %s", verb, r.Provider, versions(r.Record))
	switch {
	case r.Resumed:
		return fmt.Sprintf("%s went from version %s before: an earlier or concurrent run of this very change did part or all of it.",
			r.Provider, versions(r.Record))
	case r.Backup == "":
		return done + ". The version before it was deleted, so there was nothing to back up."
	}
	return done + ". The secret before it is in a backup."
}

// rollbackSource begins the source of a rollback's record; the backup's id follows.
const rollbackSource = "rollback:"

// origin is where a record's secret came from.
func origin(r vaultkit.Record) string {
	if strings.HasPrefix(r.Source, rollbackSource) {
		return "rollback"
	}
	return r.Source
}

// broughtBack names what a rollback restores: the id says since when it was in force
// and as which version. Empty for a rotation.
func broughtBack(r vaultkit.Record) string {
	id, _ := strings.CutPrefix(r.Source, rollbackSource)
	if id == r.Source {
		return ""
	}
	return "backup " + id
}

// explain says after a failed rotation what is now in Vault, where the error
// alone does not.
func (c *cli) explain(cmd *cobra.Command, provider string, r *vaultkit.Rotation, err error) error {
	switch {
	case errors.Is(err, vaultkit.ErrUndetermined):
		if c.json {
			c.printUndetermined(provider, r, err)
		}
		return exitcode.WithHint(err, c.undetermined(provider, r, err))
	case cmd.Context().Err() != nil:
		return exitcode.WithHint(err, "Interrupted before anything was applied: "+provider+" is as it was.")
	case refusedForRevocation(err):
		return exitcode.WithHint(err, "If the key still works, add --allow-revoked.")
	}
	return err
}

// refusedForRevocation: a conflict over a version names it, one over a key names the rotation
// alone.
func refusedForRevocation(err error) bool {
	why, ok := errors.AsType[*vaultkit.Error](err)
	return ok && errors.Is(err, vaultkit.ErrConflict) && why.ID != "" && why.Version == 0
}

// printUndetermined gives a script what is known: the rotation where only its record
// is missing, and else the id to look for.
func (c *cli) printUndetermined(provider string, r *vaultkit.Rotation, err error) {
	if r != nil {
		_ = c.printJSON(r) // the error that follows weighs more than a closed pipe
		return
	}
	open := struct {
		ID       string `json:"id"`
		Provider string `json:"provider"`
		Outcome  string `json:"outcome"`
	}{Provider: provider, Outcome: "undetermined"}
	if more, ok := errors.AsType[*vaultkit.Error](err); ok {
		open.ID = more.ID
	}
	_ = c.printJSON(open)
}

func (c *cli) undetermined(provider string, r *vaultkit.Rotation, err error) string {
	advice := "It is not known yet whether the new secret was stored."
	if r != nil {
		advice = fmt.Sprintf("The new secret is committed, version %s; only its audit record is missing.", versions(r.Record))
	}
	if more, ok := errors.AsType[*vaultkit.Error](err); ok && more.ID != "" {
		advice += "\nThe rotation's id: " + more.ID
	}
	return advice + "\n" + c.settleAdvice(provider)
}

// settleAdvice is the command that finds out what became of rotations.
func (c *cli) settleAdvice(providers ...string) string {
	return "To settle it, run: vaultkit recover " + strings.Join(providers, " ") + c.Args()
}

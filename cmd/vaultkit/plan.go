package main

import (
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// checks are what a dry run cannot tell from its result.
type checks struct {
	random   bool   // the real run will have another key, and so another id
	verified string // by what; empty: there is nothing to say
}

func (f *rotateFlags) checks() checks {
	if f.verify {
		return checks{f.auto, "yes, by the verify command"}
	}
	return checks{f.auto, "no: there is no --verify-cmd"}
}

// showPlan prints what a dry run found: what would be written, and where.
func (c *cli) showPlan(r *vaultkit.Rotation, made checks) error {
	if c.json {
		return c.printJSON(r)
	}
	if r.Resumed {
		headline := fmt.Sprintf("Dry run, nothing was written: %s holds this change already, version %s.", r.Provider, versions(r.Record))
		return c.printRotation(headline, r)
	}
	headline := fmt.Sprintf("Dry run, nothing was written: %s would go from version %d to %d.", r.Provider, r.OldVersion, r.OldVersion+1)
	if _, err := fmt.Fprintln(c.Out, headline); err != nil {
		return err
	}
	id := r.ID
	if made.random {
		id = id[:strings.LastIndex(id, "-")+1] + "<fingerprint of the key>"
	}
	t := terminal.NewTable(c.Out, "  ")
	showFields(t, r)
	t.Optional("brings back", broughtBack(r.Record))
	if r.Backup == "" {
		t.Row("backup", "none: the current version is deleted")
	} else {
		t.Row("backup", c.Path("backups", r.Provider, id))
	}
	t.Row("record", c.Path("rotations", r.Provider, id))
	t.Optional("verified", made.verified)
	t.Optional("by", r.Actor)
	t.Optional("reason", r.Reason)
	t.Optional("key expires", when(r.ExpiresAt))
	c.showNews(r)
	return t.Flush()
}

// showFields says what becomes of which field.
func showFields(t *terminal.Table, r *vaultkit.Rotation) {
	changed := slices.DeleteFunc(slices.Clone(r.FieldsChanged), func(field string) bool {
		return slices.Contains(r.FieldsAdded, field) || slices.Contains(r.FieldsRemoved, field)
	})
	t.Optional("changed", strings.Join(changed, ", "))
	t.Optional("added", strings.Join(r.FieldsAdded, ", "))
	t.Optional("removed", strings.Join(r.FieldsRemoved, ", "))
}

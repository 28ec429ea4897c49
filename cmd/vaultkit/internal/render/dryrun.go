package render

import (
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// Checks is what the result of a dry run does not contain.
type Checks struct {
	Random   bool   // the real run makes another key, and so another id
	Verified string // by what; empty: there is nothing to say
}

// DryRun prints what would be written, and where. path returns the path of an entry in
// Vault.
func (p *Printer) DryRun(r *vaultkit.Rotation, made Checks, path func(parts ...string) string) error {
	if p.JSON {
		return p.Value(r)
	}
	if r.Resumed {
		headline := fmt.Sprintf("Dry run, nothing was written: %s already has this change, version %s.", r.Provider, Versions(r.Record))
		return p.Rotation(headline, r)
	}
	headline := fmt.Sprintf("Dry run, nothing was written: %s would go from version %d to %d.", r.Provider, r.OldVersion, r.OldVersion+1)
	if _, err := fmt.Fprintln(p.io.Out, headline); err != nil {
		return err
	}
	id := r.ID
	if made.Random {
		id = id[:strings.LastIndex(id, "-")+1] + "<fingerprint of the key>"
	}
	t := p.Table("  ")
	showFields(t, r)
	t.Optional("restores", restored(r.Record))
	if r.Backup == "" {
		t.Row("backup", "none: the current version is deleted")
	} else {
		t.Row("backup", path("backups", r.Provider, id))
	}
	t.Row("record", path("rotations", r.Provider, id))
	t.Optional("verified", made.Verified)
	t.Optional("by", r.Actor)
	t.Optional("reason", r.Reason)
	t.Optional("key expires", When(r.ExpiresAt))
	p.Warnings(r)
	return t.Flush()
}

// showFields prints which fields would be changed, added and removed.
func showFields(t *terminal.Table, r *vaultkit.Rotation) {
	changed := slices.DeleteFunc(slices.Clone(r.FieldsChanged), func(field string) bool {
		return slices.Contains(r.FieldsAdded, field) || slices.Contains(r.FieldsRemoved, field)
	})
	t.Optional("changed", strings.Join(changed, ", "))
	t.Optional("added", strings.Join(r.FieldsAdded, ", "))
	t.Optional("removed", strings.Join(r.FieldsRemoved, ", "))
}

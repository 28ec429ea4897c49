package render

import (
	"cmp"
	"fmt"
	"strings"

	"goblin/vaultkit"
)

// Rotated prints what a rotation or rollback did.
func (p *Printer) Rotated(verb string, r *vaultkit.Rotation) error {
	return OutputError(inForce(r), p.Rotation(headline(verb, r), r))
}

// inForce says in one line what Rotated prints.
func inForce(r *vaultkit.Rotation) string {
	return fmt.Sprintf("the change of %s is committed and in force, version %s, id %s", r.Provider, Versions(r.Record), r.ID)
}

// Rotation prints a rotation as JSON, or below a headline for people.
func (p *Printer) Rotation(headline string, r *vaultkit.Rotation) error {
	if p.JSON {
		return p.Value(r)
	}
	_, err := fmt.Fprintln(p.io.Out, headline)
	t := p.Table("  ")
	t.Row("id", r.ID)
	t.Row("changed", strings.Join(r.FieldsChanged, ", "))
	t.Optional("brings back", broughtBack(r.Record))
	t.Optional("by", r.Actor)
	t.Optional("reason", r.Reason)
	t.Optional("key expires", When(r.ExpiresAt))
	t.Optional("in force since", When(r.CommittedAt))
	t.Optional("cause", r.Cause)
	p.Warnings(r)
	return cmp.Or(err, t.Flush())
}

// Warnings warns of what a rotation came across.
func (p *Printer) Warnings(r *vaultkit.Rotation) {
	for _, warning := range r.Warnings {
		p.io.Warn("%s", warning)
	}
	for _, id := range r.Pending {
		p.io.Warn("another rotation of %s is undecided, which is harmless; vaultkit recover %[1]s checks it again: %s", r.Provider, id)
	}
}

func headline(verb string, r *vaultkit.Rotation) string {
	done := fmt.Sprintf("%s %s, version %s", verb, r.Provider, Versions(r.Record))
	switch {
	case r.Resumed:
		return fmt.Sprintf("%s already went from version %s: an earlier or concurrent run made part or all of this change.",
			r.Provider, Versions(r.Record))
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

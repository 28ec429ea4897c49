package render

import (
	"cmp"
	"fmt"
	"strings"

	"goblin/vaultkit"
)

// Rotated prints the result of a rotation or rollback.
func (p *Printer) Rotated(verb string, r *vaultkit.Rotation) error {
	return OutputError(inForce(r), p.Rotation(headline(verb, r), r))
}

// inForce returns a one-line summary of a rotation.
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
	t.Optional("restores", restored(r.Record))
	t.Optional("by", r.Actor)
	t.Optional("reason", r.Reason)
	t.Optional("key expires", When(r.ExpiresAt))
	t.Optional("in force since", When(r.CommittedAt))
	t.Optional("cause", r.Cause)
	p.Warnings(r)
	return cmp.Or(err, t.Flush())
}

// Warnings prints the warnings of a rotation, and the undecided rotations that it
// found.
func (p *Printer) Warnings(r *vaultkit.Rotation) {
	for _, warning := range r.Warnings {
		p.io.Warn("%s", warning)
	}
	for _, id := range r.Pending {
		p.io.Warn("another rotation of %s is undecided, which does not affect this one; to check it again, run vaultkit recover %[1]s: %s",
			r.Provider, id)
	}
}

func headline(verb string, r *vaultkit.Rotation) string {
	done := fmt.Sprintf("%s %s, version %s", verb, r.Provider, Versions(r.Record))
	switch {
	case r.Resumed:
		return fmt.Sprintf("%s already changed, version %s: an earlier or concurrent run made part or all of this change.",
			r.Provider, Versions(r.Record))
	case r.Backup == "":
		return done + ". The version before it was deleted, so there was nothing to back up."
	}
	return done + ". The secret before it is in a backup."
}

// rollbackSource is the prefix of the source in a rollback's record; the id of the
// backup follows.
const rollbackSource = "rollback:"

// origin returns where the secret of a record came from.
func origin(r vaultkit.Record) string {
	if strings.HasPrefix(r.Source, rollbackSource) {
		return "rollback"
	}
	return r.Source
}

// restored returns the backup that a rollback restored; empty: the record is not a
// rollback's.
func restored(r vaultkit.Record) string {
	id, _ := strings.CutPrefix(r.Source, rollbackSource)
	if id == r.Source {
		return ""
	}
	return "backup " + id
}

package render

import (
	"cmp"
	"fmt"
	"strings"

	"goblin/vaultkit"
)

// History prints the records of a provider.
func (p *Printer) History(provider string, records []vaultkit.Record) error {
	if p.JSON {
		return p.Value(OrEmpty(records))
	}
	if len(records) == 0 {
		fmt.Fprintln(p.io.Err, "No records: "+provider+" was never rotated.")
		return nil
	}
	t := p.Table("", "WHEN", "VERSION", "OUTCOME", "FROM", "CHANGED", "BY", "REASON", "REVOKED", "ID")
	t.Shrink(map[string]int{"FROM": 8, "CHANGED": 7, "BY": 6, "REASON": 6})
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	shown := briefly(t, ids)
	for _, r := range records {
		t.Row(shown.time(cmp.Or(When(r.CommittedAt), When(r.RecordedAt))), Versions(r), string(r.Outcome), origin(r),
			strings.Join(r.FieldsChanged, " "), r.Actor, r.Reason, shown.date(revokedAt(r)), shown.id(r.ID))
	}
	return t.Flush()
}

// revokedAt returns when the keys that a rotation replaced were revoked; empty: they
// were not.
func revokedAt(r vaultkit.Record) string {
	if r.Revocation == nil {
		return ""
	}
	if r.Revocation.RevokedAt.IsZero() && !r.Revocation.BegunAt.IsZero() {
		return "begun " + When(r.Revocation.BegunAt)
	}
	return cmp.Or(When(r.Revocation.RevokedAt), "yes") // the time of an unreadable record is unknown
}

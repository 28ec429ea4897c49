package render

import (
	"strconv"

	"goblin/vaultkit"
)

// Backup is a backup as --json prints it, with whether its keys were revoked.
type Backup struct {
	vaultkit.Backup
	Revoked bool `json:"revoked,omitempty"` // or the revocation has begun
	revoked string
}

// Backups prints backups. The records say which of them were revoked.
func (p *Printer) Backups(backups []vaultkit.Backup, records []vaultkit.Record) error {
	revoked := make(map[string]string, len(records))
	for _, record := range records {
		revoked[record.ID] = revokedAt(record)
	}
	shown := make([]Backup, 0, len(backups))
	for _, b := range backups {
		shown = append(shown, Backup{b, revoked[b.ID] != "", revoked[b.ID]})
	}
	if p.JSON {
		return p.Value(shown)
	}
	t := p.Table("", "VERSION", "IN FORCE FROM", "REPLACED AT", "ROTATION", "BY", "REASON", "REVOKED", "ID")
	t.Shrink(map[string]int{"BY": 6, "REASON": 6})
	ids := make([]string, len(shown))
	for i, b := range shown {
		ids[i] = b.ID
	}
	brief := briefly(t, ids)
	for _, b := range shown {
		t.Row(strconv.Itoa(b.Version), brief.time(When(b.InForceFrom)), brief.time(When(b.ReplacedAt)), string(b.Outcome),
			b.Actor, b.Reason, brief.date(b.revoked), brief.id(b.ID))
	}
	return t.Flush()
}

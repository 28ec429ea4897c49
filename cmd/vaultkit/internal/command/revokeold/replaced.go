package revokeold

import (
	"slices"
	"strings"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
)

// candidate is a rotation whose old keys are not recorded as revoked.
type candidate struct {
	vaultkit.Record
	skipped string // why its keys are not to be revoked now; empty: they are
}

// provider is what is known about a provider.
type provider struct {
	status  vaultkit.ProviderStatus
	records []vaultkit.Record // newest first
	backups []string          // ids
}

// candidates returns the rotations whose old keys are not recorded as revoked, oldest first.
func (p *provider) candidates(now time.Time, olderThan time.Duration) (found []candidate) {
	for _, record := range slices.Backward(p.records) {
		revoked := record.Revocation != nil && !record.Revocation.RevokedAt.IsZero()
		if record.Outcome == vaultkit.OutcomeCommitted && record.Backup != "" && !revoked {
			found = append(found, candidate{record, p.skips(record, now, olderThan)})
		}
	}
	return found
}

// skips returns why a rotation's old keys are not to be revoked now; empty: they are.
//
// The time counts from the provider's newest change, not from the rotation: a rollback, or a
// writer of another program, may have put an old key in force in between. What the current
// secret does not contain has been out of force for as long as that secret is in force.
func (p *provider) skips(record vaultkit.Record, now time.Time, olderThan time.Duration) string {
	from := p.status.InForceFrom.Add(olderThan)
	switch {
	case now.Before(from):
		return "waits until " + render.When(from) + ": the current secret is in force since " + render.When(p.status.InForceFrom)
	case p.inForce(record):
		return "the old key is in force again, after a rollback"
	case !slices.Contains(p.backups, record.ID):
		return "the backup was deleted: revoke the old key by hand"
	}
	return ""
}

// inForce reports whether rollbacks have put a key that the rotation replaced in force again.
// What other programs did is not recorded: RevokeOld compares the values themselves.
func (p *provider) inForce(record vaultkit.Record) bool {
	return slices.ContainsFunc(record.FieldsChanged, func(field string) bool {
		return p.origin(record.OldVersion, field) == p.origin(p.status.Version, field)
	})
}

// origin returns the version from which a version has the value of a field.
func (p *provider) origin(version int, field string) int {
	for {
		i := slices.IndexFunc(p.records, func(r vaultkit.Record) bool {
			return r.Outcome == vaultkit.OutcomeCommitted && r.NewVersion == version
		})
		if i < 0 {
			return version // written by another program, or the first version
		}
		record, from := p.records[i], 0
		if backup, ok := strings.CutPrefix(record.Source, "rollback:"); ok {
			from = p.versionOf(backup)
		} else if !slices.Contains(record.FieldsChanged, field) {
			from = record.OldVersion
		}
		if from <= 0 || from >= version {
			return version
		}
		version = from
	}
}

// versionOf returns the version that a backup is a copy of; 0: it is unknown.
func (p *provider) versionOf(backup string) int {
	i := slices.IndexFunc(p.records, func(r vaultkit.Record) bool { return r.ID == backup })
	if i < 0 {
		return 0
	}
	return p.records[i].OldVersion
}

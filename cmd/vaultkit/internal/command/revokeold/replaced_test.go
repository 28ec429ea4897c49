package revokeold

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
)

var now = time.Date(2030, 1, 10, 12, 0, 0, 0, time.UTC)

// rotation returns the record of a committed rotation of the field api_key.
func rotation(from int, fields ...string) vaultkit.Record {
	if len(fields) == 0 {
		fields = []string{"api_key"}
	}
	id := fmt.Sprintf("id%d", from)
	return vaultkit.Record{ID: id, Backup: id, Outcome: vaultkit.OutcomeCommitted, OldVersion: from, NewVersion: from + 1,
		FieldsChanged: fields, CommittedAt: now.Add(-48 * time.Hour)}
}

// rollback returns the record of a rollback to the backup of a version.
func rollback(from, to int) vaultkit.Record {
	r := rotation(from)
	r.Source = fmt.Sprintf("rollback:id%d", to)
	return r
}

func with(r vaultkit.Record, change func(*vaultkit.Record)) vaultkit.Record {
	change(&r)
	return r
}

// Each test lists records, oldest first, and for each rotation whose old key is not revoked
// what becomes of it.
func TestCandidates(t *testing.T) {
	t.Parallel()
	revoked := func(r *vaultkit.Record) { r.Revocation = &vaultkit.Revocation{BegunAt: now, RevokedAt: now} }
	for name, test := range map[string]struct {
		records []vaultkit.Record
		age     time.Duration // of the current secret
		pruned  string
		want    string
	}{
		"replaced":                    {[]vaultkit.Record{rotation(1)}, 25 * time.Hour, "", "id1"},
		"exactly old enough":          {[]vaultkit.Record{rotation(1)}, 24 * time.Hour, "", "id1"},
		"several":                     {[]vaultkit.Record{rotation(1), rotation(2)}, 25 * time.Hour, "", "id1 id2"},
		"in the grace":                {[]vaultkit.Record{rotation(1)}, 23 * time.Hour, "", "id1:waits"},
		"an old rotation, a new one":  {[]vaultkit.Record{rotation(1), rotation(2)}, time.Hour, "", "id1:waits id2:waits"},
		"revoked":                     {[]vaultkit.Record{with(rotation(1), revoked), rotation(2)}, 25 * time.Hour, "", "id2"},
		"begun and not ended":         {[]vaultkit.Record{with(rotation(1), func(r *vaultkit.Record) { r.Revocation = &vaultkit.Revocation{BegunAt: now} })}, 25 * time.Hour, "", "id1"},
		"aborted":                     {[]vaultkit.Record{with(rotation(1), func(r *vaultkit.Record) { r.Outcome = vaultkit.OutcomeAborted })}, 25 * time.Hour, "", ""},
		"a restore":                   {[]vaultkit.Record{with(rollback(1, 1), func(r *vaultkit.Record) { r.Backup = "" })}, 25 * time.Hour, "", ""},
		"without its backup":          {[]vaultkit.Record{rotation(1), rotation(2)}, 25 * time.Hour, "id1", "id1:the backup was deleted id2"},
		"rolled back":                 {[]vaultkit.Record{rotation(1), rollback(2, 1)}, 25 * time.Hour, "", "id1:the old key is in force id2"},
		"rolled back, rotated again":  {[]vaultkit.Record{rotation(1), rollback(2, 1), rotation(3)}, 25 * time.Hour, "", "id1 id2 id3"},
		"rolled back to a rollback":   {[]vaultkit.Record{rotation(1), rollback(2, 1), rotation(3), rollback(4, 3)}, 25 * time.Hour, "", "id1:the old key is in force id2 id3:the old key is in force id4"},
		"another field carries along": {[]vaultkit.Record{rotation(1), rollback(2, 1), rotation(3, "other")}, 25 * time.Hour, "", "id1:the old key is in force id2 id3"},
		"one of two fields":           {[]vaultkit.Record{rotation(1, "api_key", "other"), rollback(2, 1), rotation(3, "api_key")}, 25 * time.Hour, "", "id1:the old key is in force id2 id3"},
		"back to an unknown backup":   {[]vaultkit.Record{rotation(1), rollback(2, 9)}, 25 * time.Hour, "", "id1 id2"},
		"a rollback that was aborted": {[]vaultkit.Record{rotation(1), rotation(2), with(rollback(2, 1), func(r *vaultkit.Record) { r.Outcome = vaultkit.OutcomeAborted })}, 25 * time.Hour, "", "id1 id2"},
		"another field's rotation":    {[]vaultkit.Record{rotation(1), rotation(2, "other")}, 25 * time.Hour, "", "id1 id2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := provider{records: slices.Clone(test.records)}
			for _, r := range test.records {
				p.status.Version = r.NewVersion
				if r.ID != test.pruned {
					p.backups = append(p.backups, r.ID)
				}
			}
			slices.Reverse(p.records)
			p.status.InForceFrom = now.Add(-test.age)
			var got []string
			for _, one := range p.candidates(now, 24*time.Hour) {
				text := one.ID
				for _, why := range []string{"waits", "the backup was deleted", "the old key is in force"} {
					if strings.HasPrefix(one.skipped, why) {
						text += ":" + why
					}
				}
				got = append(got, text)
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("candidates() = %q, want %q", got, test.want)
			}
		})
	}
}

// A restore over a deleted version has the same new version as its source, so the search for the
// origin of a value must end.
func TestOrigin_Ends(t *testing.T) {
	t.Parallel()
	p := provider{records: []vaultkit.Record{with(rotation(3), func(r *vaultkit.Record) { r.Source, r.NewVersion = "rollback:id3", 3 })}}
	if got := p.origin(3, "api_key"); got != 3 {
		t.Errorf("origin(3) = %d, want 3", got)
	}
}

// The exit code is that of the most serious error, not of the first.
func TestMostSerious(t *testing.T) {
	t.Parallel()
	for want, kinds := range map[error][]error{
		vaultkit.ErrUndetermined:     {nil, vaultkit.ErrConflict, vaultkit.ErrUnavailable, vaultkit.ErrUndetermined},
		vaultkit.ErrUnavailable:      {vaultkit.ErrConflict, vaultkit.ErrPermissionDenied, vaultkit.ErrUnavailable},
		vaultkit.ErrPermissionDenied: {vaultkit.ErrConflict, vaultkit.ErrPermissionDenied},
		vaultkit.ErrConflict:         {vaultkit.ErrNotFound, vaultkit.ErrConflict},
		vaultkit.ErrNotFound:         {nil, vaultkit.ErrNotFound, vaultkit.ErrDeleted},
	} {
		var results []Result
		for _, kind := range kinds {
			results = append(results, failed(Result{}, kind))
		}
		if got := mostSerious(results); got != want { //nolint:errorlint // the sentinel itself
			t.Errorf("mostSerious(%v) = %v, want %v", kinds, got, want)
		}
	}
}

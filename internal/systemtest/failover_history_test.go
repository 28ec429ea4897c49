package systemtest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/vaulttest"
)

// history is what Vault has of a provider: keys by version and by backup, the reasons in
// the backups' metadata, and the records.
type history struct {
	current  int
	versions map[int]string
	backups  map[string]string
	claims   map[string]any // the reason
	records  map[string]vaultkit.Record
}

// read reads Vault with only the official client.
func (f *rotatingCluster) read(t *testing.T, provider string) history {
	t.Helper()
	own := vaulttest.LookAt(t, f.root, "providers/"+provider)["providers/"+provider]
	held := history{current: own.Current, versions: map[int]string{},
		backups: map[string]string{}, claims: map[string]any{}, records: map[string]vaultkit.Record{}}
	for version, data := range own.Versions {
		held.versions[version], _ = data["api_key"].(string)
	}
	for path, entry := range vaulttest.LookAt(t, f.root, "backups/"+provider) {
		id := path[strings.LastIndex(path, "/")+1:]
		held.backups[id], _ = entry.Versions[1]["api_key"].(string)
		held.claims[id] = entry.Custom["reason"]
	}
	for path, entry := range vaulttest.LookAt(t, f.root, "rotations/"+provider) {
		record, err := recordOf(entry)
		if err != nil || entry.Current != 1 {
			t.Fatalf("entry %s = %+v, %v, want a record", path, entry, err)
		}
		held.records[path[strings.LastIndex(path, "/")+1:]] = record
	}
	return held
}

// recordOf parses a record as any client could.
func recordOf(entry vaulttest.Entry) (record vaultkit.Record, err error) {
	text, err := json.Marshal(entry.Versions[1])
	return record, errors.Join(err, json.Unmarshal(text, &record))
}

// check compares a provider with what its rotators' calls returned, and returns the
// differences.
func (f *rotatingCluster) check(t *testing.T, provider string) (violations []string) {
	t.Helper()
	held := f.read(t, provider)
	attempts := make(map[string]attempt) // by key
	for _, one := range f.attempts {
		if one.provider == provider {
			attempts[one.key()] = one
			violations = append(violations, held.contradictions(one)...)
		}
	}
	violations = append(violations, held.wrongVersions(attempts)...)
	violations = append(violations, held.wrongRecords(attempts)...)
	return append(violations, held.unrecorded()...)
}

// contradictions compares Vault with what an attempt returned.
func (h history) contradictions(one attempt) (violations []string) {
	in := h.versionsOf(one.key())
	blame := func(format string, args ...any) {
		violations = append(violations, fmt.Sprintf("%s, told %+v, %v: ", one.reason(), one.rotation, one.err)+fmt.Sprintf(format, args...))
	}
	kind := kindOf(one.err)
	switch {
	case kind == "another error":
		blame("the error is of another class than conflict, unavailable and undetermined")
	case one.rotation != nil:
		r := one.rotation
		if record := h.records[r.ID]; r.Outcome != vaultkit.OutcomeCommitted || !slices.Equal(in, []int{r.NewVersion}) ||
			record.Outcome != vaultkit.OutcomeCommitted || record.NewVersion != r.NewVersion {
			blame("its key is in versions %v, the record says %+v", in, record)
		}
	case kind == "success":
		blame("success without a rotation")
	case kind != "undetermined" && len(in) > 0:
		blame("the key was applied as version %v", in)
	}
	return violations
}

func (h history) versionsOf(key string) (in []int) {
	for version, held := range h.versions {
		if held == key {
			in = append(in, version)
		}
	}
	return in
}

// wrongVersions checks that each version exists and was written by one attempt, once.
func (h history) wrongVersions(attempts map[string]attempt) (violations []string) {
	if len(h.versions) != h.current || h.versions[1] != firstKey {
		violations = append(violations, fmt.Sprintf("%d of %d versions, the first is %q", len(h.versions), h.current, h.versions[1]))
	}
	for version := 2; version <= h.current; version++ {
		key := h.versions[version]
		if _, known := attempts[key]; !known || len(h.versionsOf(key)) != 1 {
			violations = append(violations, fmt.Sprintf("version %d holds %q, as do %v", version, key, h.versionsOf(key)))
		}
	}
	return violations
}

// wrongRecords checks that each record is true and has its backup, and that each version
// has exactly one record.
func (h history) wrongRecords(attempts map[string]attempt) (violations []string) {
	committed := make(map[int]int)
	for id, record := range h.records {
		if record.Outcome == vaultkit.OutcomeCommitted {
			committed[record.NewVersion]++
		}
		if backup := h.backups[id]; !h.confirms(record, attempts) || backup == "" || backup != h.versions[record.OldVersion] {
			violations = append(violations, fmt.Sprintf("record %+v, but versions %v, backup %q and claim %v",
				record, h.versions, backup, h.claims[id]))
		}
	}
	for version := 2; version <= h.current; version++ {
		if committed[version] != 1 {
			violations = append(violations, fmt.Sprintf("version %d has %d records", version, committed[version]))
		}
	}
	return violations
}

// confirms reports whether a record is true. The record's reason names the attempt and so
// the key.
func (h history) confirms(record vaultkit.Record, attempts map[string]attempt) bool {
	key := "fake-" + strings.TrimPrefix(record.Reason, "attempt ")
	_, known := attempts[key]
	in := h.versionsOf(key)
	switch {
	case record.Outcome == vaultkit.OutcomeCommitted:
		return known && record.NewVersion == record.OldVersion+1 && slices.Equal(in, []int{record.NewVersion}) &&
			h.claims[record.ID] == record.Reason
	case record.Outcome == vaultkit.OutcomeAborted && record.Reason == "":
		// Another rotation recorded it between its backup and its metadata. If the
		// record were wrong, a version would lack its record.
		return record.OldVersion < h.current
	case record.Outcome == vaultkit.OutcomeAborted:
		return known && record.OldVersion < h.current && len(in) == 0
	}
	return false
}

// unrecorded checks that only rotations of the current version have no record after
// Recover.
func (h history) unrecorded() (violations []string) {
	for id := range h.backups {
		if _, ok := h.records[id]; !ok && !strings.Contains(id, fmt.Sprintf("-v%d-", h.current)) {
			violations = append(violations, fmt.Sprintf("%s has no record, current is version %d", id, h.current))
		}
	}
	return violations
}

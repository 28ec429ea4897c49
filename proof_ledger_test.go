package vaultkit_test

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

// ledger is what Vault holds of a provider: keys by version and by backup, what
// the rotators claimed beside their backups, and the records.
type ledger struct {
	current  int
	versions map[int]string
	backups  map[string]string
	claims   map[string]any // the reason
	records  map[string]vaultkit.Record
}

// read looks at Vault through the official client alone.
func (f *fleet) read(t *testing.T, provider string) ledger {
	t.Helper()
	own := vaulttest.LookAt(t, f.root, "providers/"+provider)["providers/"+provider]
	held := ledger{current: own.Current, versions: map[int]string{},
		backups: map[string]string{}, claims: map[string]any{}, records: map[string]vaultkit.Record{}}
	for version, data := range own.Versions {
		held.versions[version], _ = data[vaultkit.FieldAPIKey].(string)
	}
	for path, entry := range vaulttest.LookAt(t, f.root, "backups/"+provider) {
		id := path[strings.LastIndex(path, "/")+1:]
		held.backups[id], _ = entry.Versions[1][vaultkit.FieldAPIKey].(string)
		held.claims[id] = entry.Custom["reason"]
	}
	for path, entry := range vaulttest.LookAt(t, f.root, "rotations/"+provider) {
		record, err := recordOf(entry)
		if err != nil || entry.Current != 1 {
			t.Fatalf("%s is no record: %+v, %v", path, entry, err)
		}
		held.records[path[strings.LastIndex(path, "/")+1:]] = record
	}
	return held
}

// recordOf reads a record as anybody could.
func recordOf(entry vaulttest.Entry) (record vaultkit.Record, err error) {
	text, err := json.Marshal(entry.Versions[1])
	return record, errors.Join(err, json.Unmarshal(text, &record))
}

// judge holds a provider against what its rotators were told, and returns what
// is wrong.
func (f *fleet) judge(t *testing.T, provider string) (violations []string) {
	t.Helper()
	held := f.read(t, provider)
	attempts := make(map[string]attempt) // by key
	for _, one := range f.attempts {
		if one.provider == provider {
			attempts[one.key()] = one
			violations = append(violations, held.contradicts(one)...)
		}
	}
	violations = append(violations, held.wrongVersions(attempts)...)
	violations = append(violations, held.wrongRecords(attempts)...)
	return append(violations, held.unrecorded()...)
}

// contradicts names where Vault belies what an attempt was told.
func (l ledger) contradicts(one attempt) (violations []string) {
	in := l.versionsOf(one.key())
	blame := func(format string, args ...any) {
		violations = append(violations, fmt.Sprintf("%s, told %+v, %v: ", one.reason(), one.rotation, one.err)+fmt.Sprintf(format, args...))
	}
	kind := kindOf(one.err)
	switch {
	case kind == "another error":
		blame("not one of the four ways to end")
	case one.rotation != nil:
		r := one.rotation
		if record := l.records[r.ID]; r.Outcome != vaultkit.Committed || !slices.Equal(in, []int{r.NewVersion}) ||
			record.Outcome != vaultkit.Committed || record.NewVersion != r.NewVersion {
			blame("its key is in versions %v, the record says %+v", in, record)
		}
	case kind == "success":
		blame("success without a rotation")
	case kind != "undetermined" && len(in) > 0:
		blame("applied, as version %v", in)
	}
	return violations
}

func (l ledger) versionsOf(key string) (in []int) {
	for version, held := range l.versions {
		if held == key {
			in = append(in, version)
		}
	}
	return in
}

// wrongVersions: each version is there, and is what somebody wrote, once.
func (l ledger) wrongVersions(attempts map[string]attempt) (violations []string) {
	if len(l.versions) != l.current || l.versions[1] != firstKey {
		violations = append(violations, fmt.Sprintf("%d of %d versions, the first is %q", len(l.versions), l.current, l.versions[1]))
	}
	for version := 2; version <= l.current; version++ {
		key := l.versions[version]
		if _, known := attempts[key]; !known || len(l.versionsOf(key)) != 1 {
			violations = append(violations, fmt.Sprintf("version %d holds %q, as do %v", version, key, l.versionsOf(key)))
		}
	}
	return violations
}

// wrongRecords: each record is true and has its backup, and each version has
// exactly one that says how it came to be.
func (l ledger) wrongRecords(attempts map[string]attempt) (violations []string) {
	committed := make(map[int]int)
	for id, record := range l.records {
		if record.Outcome == vaultkit.Committed {
			committed[record.NewVersion]++
		}
		if backup := l.backups[id]; !l.bearsOut(record, attempts) || backup == "" || backup != l.versions[record.OldVersion] {
			violations = append(violations, fmt.Sprintf("record %+v, but versions %v, backup %q and claim %v",
				record, l.versions, backup, l.claims[id]))
		}
	}
	for version := 2; version <= l.current; version++ {
		if committed[version] != 1 {
			violations = append(violations, fmt.Sprintf("version %d has %d records", version, committed[version]))
		}
	}
	return violations
}

// bearsOut reports that a record is true. The reason in it names the attempt, and
// so the key.
func (l ledger) bearsOut(record vaultkit.Record, attempts map[string]attempt) bool {
	key := "fake-" + strings.TrimPrefix(record.Reason, "attempt ")
	_, known := attempts[key]
	in := l.versionsOf(key)
	switch {
	case record.Outcome == vaultkit.Committed:
		return known && record.NewVersion == record.OldVersion+1 && slices.Equal(in, []int{record.NewVersion}) &&
			l.claims[record.ID] == record.Reason
	case record.Outcome == vaultkit.Aborted && record.Reason == "":
		// A rival's sweep came between its backup and its claim. Were it a lie,
		// a version would lack its record.
		return record.OldVersion < l.current
	case record.Outcome == vaultkit.Aborted:
		return known && record.OldVersion < l.current && len(in) == 0
	}
	return false
}

// unrecorded: whatever is still open after Recover is a rotation of the current
// version that may yet commit.
func (l ledger) unrecorded() (violations []string) {
	for id := range l.backups {
		if _, ok := l.records[id]; !ok && !strings.Contains(id, fmt.Sprintf("-v%d-", l.current)) {
			violations = append(violations, fmt.Sprintf("%s has no record, current is version %d", id, l.current))
		}
	}
	return violations
}

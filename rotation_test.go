package vaultkit_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

func TestRotate_KeepsOtherFieldsAndMetadata(t *testing.T) {
	client, root := clienttest.New(t), vaulttest.Root(t)
	old := map[string]any{"api_key": "fake-old", "port": 8080, "on": true, "nothing": nil,
		"list": []any{"a", 1.5}, "o": map[string]any{"x": "y"}}
	p := vaulttest.PutProvider(t, old)
	custom := map[string]any{"owner": "team-a"}
	path := vaulttest.Base + "/providers/" + p
	if err := root.KVv2(vaulttest.Mount).PatchMetadata(t.Context(), path, vaulttest.CustomMetadata(custom)); err != nil {
		t.Fatalf("PatchMetadata = %v, want no error", err)
	}
	before := vaulttest.Snapshot(t, p)["providers/"+p]
	r := clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithActor("a test"), vaultkit.WithReason("to see"))
	after := vaulttest.Snapshot(t, p)

	provider := after["providers/"+p]
	want := before.Versions[1]
	if backup := after["backups/"+p+"/"+r.Backup]; !reflect.DeepEqual(backup.Versions, map[int]map[string]any{1: want}) {
		t.Errorf("the backup = %+v, want %+v", backup.Versions, want)
	}
	want["api_key"] = "fake-new"
	if !reflect.DeepEqual(provider.Versions[2], want) || provider.Current != 2 {
		t.Errorf("the provider = %+v, want version 2 = %+v", provider, want)
	}
	if !reflect.DeepEqual(provider.Custom, custom) {
		t.Errorf("the custom metadata = %v, want %v", provider.Custom, custom)
	}
}

func TestRotate_WritesARecord(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old"})
	expires := time.Now().Add(90 * 24 * time.Hour).UTC().Truncate(time.Second)
	r := clienttest.Rotate(t, client, p, "fake-new",
		vaultkit.WithActor("a test"), vaultkit.WithReason("to see"), vaultkit.WithExpiresAt(expires))

	if r.Outcome != vaultkit.OutcomeCommitted || r.Evidence != "acknowledged" || r.Resumed || len(r.Warnings) > 0 || len(r.Pending) > 0 {
		t.Errorf("Rotate = %+v, want committed, acknowledged, not resumed, nothing pending, no warning", r)
	}
	record := r.Record
	if record.Schema != 1 || record.Provider != p || record.OldVersion != 1 || record.NewVersion != 2 || record.Backup != record.ID ||
		record.Actor != "a test" || record.Reason != "to see" || record.Source != "given" || !record.ExpiresAt.Equal(expires) ||
		!slices.Equal(record.FieldsChanged, []string{"api_key"}) || record.VaultRequestIDs.Backup == "" || record.VaultRequestIDs.Commit == "" {
		t.Errorf("Rotate = the record %+v, want schema 1, versions 1 to 2, api_key changed, and the options given", record)
	}
	if record.StartedAt.IsZero() || record.CommittedAt.Before(record.StartedAt) || record.RecordedAt.IsZero() {
		t.Errorf("started, committed, recorded at %v, %v, %v, want this order", record.StartedAt, record.CommittedAt, record.RecordedAt)
	}
	history, err := client.History(t.Context(), p)
	if err != nil || len(history) != 1 || !vaulttest.SameJSON(t, history[0], record) {
		t.Errorf("History = %+v, %v, want %+v", history, err, record)
	}
	custom := vaulttest.Snapshot(t, p)["providers/"+p].Custom
	if len(custom) != 1 || custom["vaultkit_expires_v2"] != expires.Format(time.RFC3339) {
		t.Errorf("the custom metadata = %v, want vaultkit_expires_v2 = %v", custom, expires)
	}
	assertAudited(t, record)
}

// assertAudited fails the test unless the request ids of a record are in Vault's audit log.
func assertAudited(t *testing.T, record vaultkit.Record) {
	t.Helper()
	paths := vaulttest.AuditedPaths(t)
	if got := paths[record.VaultRequestIDs.Backup]; !strings.HasSuffix(got, "/backups/"+record.Provider+"/"+record.ID) {
		t.Errorf("the audit log has path %q for the backup's request id, want that of the backup", got)
	}
	if got := paths[record.VaultRequestIDs.Commit]; !strings.HasSuffix(got, "/data/"+vaulttest.Base+"/providers/"+record.Provider) {
		t.Errorf("the audit log has path %q for the commit's request id, want that of the provider", got)
	}
}

func TestBackupsAndHistory_AreNewestFirst(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"})
	for _, key := range []string{"fake-2", "fake-3", "fake-4"} {
		clienttest.Rotate(t, client, p, key, vaultkit.WithActor("actor of "+key))
	}
	history, err := client.History(t.Context(), p)
	if err != nil || len(history) != 3 {
		t.Fatalf("History = %+v, %v, want 3 records", history, err)
	}
	backups, err := client.Backups(t.Context(), p)
	if err != nil || len(backups) != 3 {
		t.Fatalf("Backups = %+v, %v, want 3", backups, err)
	}
	for i, b := range backups {
		version := 3 - i
		record := history[i]
		if b.Version != version || record.OldVersion != version || b.ID != record.ID || b.Provider != p ||
			b.Outcome != vaultkit.OutcomeCommitted || b.Actor != record.Actor ||
			!b.ReplacedAt.Equal(record.CommittedAt) || !b.InForceFrom.Before(b.ReplacedAt) {
			t.Errorf("Backups[%d] = %+v, want version %d as in the record %+v", i, b, version, record)
		}
	}
	if none, err := client.Backups(t.Context(), "nobody"); err != nil || none == nil || len(none) != 0 {
		t.Errorf("Backups of an absent provider = %v, %v, want an empty list", none, err)
	}
	if none, err := client.History(t.Context(), "nobody"); err != nil || none == nil || len(none) != 0 {
		t.Errorf("History of an absent provider = %v, %v, want an empty list", none, err)
	}
}

func TestRotate_TheSameKeyAgain(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"})

	vaulttest.AssertUnchanged(t, p, func() {
		if r, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-1")); !errors.Is(err, vaultkit.ErrNoChange) || r != nil {
			t.Errorf("Rotate to the stored key = %+v, %v, want ErrNoChange", r, err)
		}
	})
	first := clienttest.Rotate(t, client, p, "fake-2")
	vaulttest.AssertUnchanged(t, p, func() {
		again := clienttest.Rotate(t, client, p, "fake-2")
		if !again.Resumed || again.ID != first.ID || !vaulttest.SameJSON(t, again.Record, first.Record) {
			t.Errorf("the second Rotate = %+v, want the first one, resumed: %+v", again, first)
		}
	})
	back := clienttest.Rotate(t, client, p, "fake-1") // a key that was used before is a change like any other
	if back.NewVersion != 3 || back.ID == first.ID {
		t.Errorf("Rotate to an earlier key = %+v, want a new rotation to version 3", back)
	}
}

func TestRotate_AbsentOrDeleted(t *testing.T) {
	client, root := clienttest.New(t), vaulttest.Root(t).KVv2(vaulttest.Mount)
	p := vaulttest.Name(t)
	attempt := func(want error) {
		t.Helper()
		vaulttest.AssertUnchanged(t, p, func() {
			if r, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new")); !errors.Is(err, want) || r != nil {
				t.Errorf("Rotate = %+v, %v, want %v", r, err, want)
			}
		})
	}
	attempt(vaultkit.ErrNotFound)
	path := vaulttest.Base + "/providers/" + p
	vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake"})
	if err := root.Delete(t.Context(), path); err != nil {
		t.Fatalf("Delete = %v, want no error", err)
	}
	attempt(vaultkit.ErrDeleted)
	if err := root.Destroy(t.Context(), path, []int{1}); err != nil {
		t.Fatalf("Destroy = %v, want no error", err)
	}
	attempt(vaultkit.ErrDestroyed)
}

func TestRotate_DryRunWritesNothing(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "other": "x"})
	vaulttest.AssertUnchanged(t, p, func() {
		r := clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithDryRun(), vaultkit.WithReason("why"))
		if r.Outcome != "" || r.OldVersion != 1 || r.Reason != "why" || !slices.Equal(r.FieldsChanged, []string{"api_key"}) {
			t.Errorf("Rotate(WithDryRun) = %+v, want api_key changed from version 1, and no outcome", r)
		}
	})
	clienttest.Rotate(t, client, p, "fake-new")
	vaulttest.AssertUnchanged(t, p, func() {
		if r := clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithDryRun()); !r.Resumed || r.Outcome != vaultkit.OutcomeCommitted {
			t.Errorf("Rotate(WithDryRun) after the rotation = %+v, want it resumed and committed", r)
		}
	})
}

func TestRotate_VerifiesBeforeItWrites(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "other": "x"})
	refused := errors.New("the provider's API says no")
	vaulttest.AssertUnchanged(t, p, func() {
		_, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"),
			vaultkit.WithVerify(func(_ context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
				if target.Provider != p || target.Stamp == "" || keys["api_key"] != "fake-new" || keys["other"] != "x" {
					t.Errorf("verify(%+v, %v), want the whole new secret and a stamp", target, keys.Reveal())
				}
				return refused
			}))
		if !errors.Is(err, refused) {
			t.Errorf("Rotate = %v, want the error of verify", err)
		}
	})
	accept := func(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error { return nil }
	r := clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithVerify(accept))
	if r.Outcome != vaultkit.OutcomeCommitted {
		t.Errorf("Rotate = %+v, want committed", r)
	}
}

// In a dry run, a source that makes keys returns none that could be tried.
func TestRotate_ADryRunVerifiesOnlyAKeyThatExists(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old"})
	for name, tc := range map[string]struct {
		source vaultkit.Source
		want   int
	}{
		"given":  {vaultkit.NewKey("fake-new"), 1},
		"random": {vaultkit.RandomKey(), 1},
		"made":   {&clienttest.FieldSource{Fields: map[string]any{"api_key": "dry-run"}}, 0},
	} {
		calls := 0
		verify := func(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error { calls++; return nil }
		if _, err := client.Rotate(t.Context(), p, tc.source, vaultkit.WithVerify(verify), vaultkit.WithDryRun()); err != nil || calls != tc.want {
			t.Errorf("Rotate(%s, WithDryRun) = %v and %d calls of verify, want %d", name, err, calls, tc.want)
		}
	}
}

func TestRotate_GivesTheSourceItsTarget(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"b": "1", "api_key": "fake-old"})
	source := &clienttest.FieldSource{Fields: map[string]any{"api_key": "fake-new", "port": 8080, "on": true}}
	r, err := client.Rotate(t.Context(), p, source, vaultkit.AddFields())
	if err != nil {
		t.Fatalf("Rotate = %v, want no error", err)
	}
	inForce, _, _ := strings.Cut(r.ID, "-")
	want := vaultkit.Target{Provider: p, Fields: []string{"api_key", "b"}, Stamp: "vaultkit-" + p + "-v2-" + inForce}
	if !reflect.DeepEqual(source.Target, want) {
		t.Errorf("NewFields got the target %+v, want %+v", source.Target, want)
	}
	if r.Source != "issuer" || !slices.Equal(r.FieldsChanged, []string{"api_key", "on", "port"}) {
		t.Errorf("Rotate = %+v, want the source's name, and three fields changed", r.Record)
	}
	keys, err := client.GetProviderKeys(t.Context(), p)
	if err != nil || keys["port"] != "8080" || keys["on"] != "true" {
		t.Errorf("GetProviderKeys = %v, %v, want port 8080 and on true", keys.Reveal(), err)
	}
	failed := errors.New("the provider's API is down")
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rotate(t.Context(), p, &clienttest.FieldSource{Err: failed}); !errors.Is(err, failed) {
			t.Errorf("Rotate = %v, want the error of the source", err)
		}
	})
}

func TestRandomKey(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "api_secret": "fake-old"})
	seen := map[string]bool{}
	for range 3 {
		if _, err := client.Rotate(t.Context(), p, vaultkit.RandomKey("api_key", "api_secret")); err != nil {
			t.Fatalf("Rotate = %v, want no error", err)
		}
		keys, err := client.GetProviderKeys(t.Context(), p)
		if err != nil {
			t.Fatalf("GetProviderKeys = %v, want no error", err)
		}
		for _, key := range keys.Reveal() {
			if len(key) != 43 || seen[key] { // 32 bytes of base64 without padding
				t.Errorf("RandomKey made a key of %d characters, seen before: %t, want 43 characters and a new key", len(key), seen[key])
			}
			seen[key] = true
		}
	}
}

func TestRollback(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1", "extra": "only in 1"})
	second := vaultkit.NewFields(map[string]any{"api_key": "fake-2", "added": "in 2"})
	first, err := client.Rotate(t.Context(), p, second, vaultkit.AddFields())
	if err != nil {
		t.Fatalf("Rotate = %v, want no error", err)
	}
	back, err := client.Rollback(t.Context(), p, "", vaultkit.WithReason("errors went up"))
	if err != nil {
		t.Fatalf("Rollback = %v, want no error", err)
	}
	snapshot := vaulttest.Snapshot(t, p)
	if got, want := snapshot["providers/"+p].Versions[3], snapshot["providers/"+p].Versions[1]; !reflect.DeepEqual(got, want) {
		t.Errorf("Rollback wrote %v, want exactly %v", got, want)
	}
	if back.Source != "rollback:"+first.ID || back.Reason != "errors went up" || back.OldVersion != 2 ||
		!slices.Equal(back.FieldsChanged, []string{"added", "api_key"}) {
		t.Errorf("Rollback = %+v, want a rollback to %s from version 2, of both fields", back.Record, first.ID)
	}
	if backup := snapshot["backups/"+p+"/"+back.ID]; backup.Versions[1]["api_key"] != "fake-2" {
		t.Errorf("the backup of the replaced secret = %+v, want fake-2", backup)
	}
	// A second Rollback without an id would bring the bad key back.
	vaulttest.AssertUnchanged(t, p, func() {
		_, err := client.Rollback(t.Context(), p, "")
		if !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), first.ID) || !strings.Contains(err.Error(), back.ID) {
			t.Errorf("the second Rollback without an id = %v, want ErrInvalid that lists both ids", err)
		}
	})
	forth, err := client.Rollback(t.Context(), p, back.ID)
	if err != nil || clienttest.APIKey(t, client, p) != "fake-2" || forth.NewVersion != 4 {
		t.Errorf("Rollback(%s) = %+v, %v, want fake-2 as version 4", back.ID, forth, err)
	}
}

func TestRollback_RefusesWrongBackups(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"})
	other := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"})
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rollback(t.Context(), p, ""); !errors.Is(err, vaultkit.ErrNotFound) {
			t.Errorf("Rollback without a backup = %v, want ErrNotFound", err)
		}
	})
	mine, others := clienttest.Rotate(t, client, p, "fake-2"), clienttest.Rotate(t, client, other, "fake-2")
	for id, want := range map[string]error{
		others.ID: vaultkit.ErrNotFound, "nonsense": vaultkit.ErrInvalid, "../" + mine.ID: vaultkit.ErrInvalid,
		strings.Replace(mine.ID, "-v1-", "-v9-", 1): vaultkit.ErrNotFound, strings.Repeat("9", 200): vaultkit.ErrInvalid,
	} {
		vaulttest.AssertUnchanged(t, p, func() {
			if _, err := client.Rollback(t.Context(), p, id); !errors.Is(err, want) {
				t.Errorf("Rollback(%.40q) = %v, want %v", id, err, want)
			}
		})
	}
	vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-foreign"})
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rollback(t.Context(), p, ""); !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), mine.ID) {
			t.Errorf("Rollback after a foreign write = %v, want ErrInvalid that lists %s", err, mine.ID)
		}
	})
}

func TestRecover_OfNoProviders(t *testing.T) {
	client := clienttest.New(t, vaultkit.WithBasePath("recover-everything"))
	if found, err := client.Recover(t.Context()); err != nil || found == nil || len(found) != 0 {
		t.Errorf("Recover without providers = %v, %v, want an empty list", found, err)
	}
}

// A misspelt field must not become a new one.
func TestRotate_RefusesAFieldTheSecretLacks(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "organization": "org"})
	for name, source := range map[string]vaultkit.Source{
		"a given field":   vaultkit.NewFields(map[string]any{"apikey": "fake-new"}),
		"one of several":  vaultkit.NewFields(map[string]any{"api_key": "fake-new", "apikey": "fake-new"}),
		"a random key":    vaultkit.RandomKey("apikey"),
		"a user's source": &clienttest.FieldSource{Fields: map[string]any{"apikey": "fake-new"}},
	} {
		t.Run(name, func(t *testing.T) {
			vaulttest.AssertUnchanged(t, p, func() {
				_, err := client.Rotate(t.Context(), p, source)
				why, ok := errors.AsType[*vaultkit.Error](err)
				const says = "the secret has the fields api_key, organization"
				if !ok || !errors.Is(err, vaultkit.ErrInvalid) || why.Field != "apikey" || !strings.Contains(err.Error(), says) {
					t.Errorf("Rotate(apikey) = %v, want ErrInvalid that says %q", err, says)
				}
				if _, err := client.Rotate(t.Context(), p, source, vaultkit.WithDryRun()); !errors.Is(err, vaultkit.ErrInvalid) {
					t.Errorf("Rotate(apikey, WithDryRun) = %v, want ErrInvalid", err)
				}
			})
		})
	}
	given := vaultkit.NewFields(map[string]any{"api_key": "fake-new", "apikey": "fake-new"})
	plan, err := client.Rotate(t.Context(), p, given, vaultkit.AddFields(), vaultkit.WithDryRun())
	if err != nil || !slices.Equal(plan.FieldsAdded, []string{"apikey"}) || plan.FieldsRemoved != nil ||
		!slices.Equal(plan.FieldsChanged, []string{"api_key", "apikey"}) {
		t.Fatalf("Rotate(AddFields, WithDryRun) = %+v, %v, want apikey as the field added", plan, err)
	}
	if _, err := client.Rotate(t.Context(), p, given, vaultkit.AddFields()); err != nil {
		t.Fatalf("Rotate(AddFields) = %v, want no error", err)
	}
	plan, err = client.Rollback(t.Context(), p, "", vaultkit.WithDryRun())
	if err != nil || !slices.Equal(plan.FieldsRemoved, []string{"apikey"}) || plan.FieldsAdded != nil {
		t.Errorf("Rollback(WithDryRun) = %+v, %v, want apikey as the field removed", plan, err)
	}
	empty := vaulttest.PutProvider(t, map[string]any{})
	_, err = client.Rotate(t.Context(), empty, vaultkit.NewKey("fake-new"))
	if !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), "the secret has no fields") {
		t.Errorf("Rotate of an empty secret = %v, want ErrInvalid that says it has no fields", err)
	}
}

// When Rotate refuses the field, the source has created a key already.
func TestRotate_RevokesAKeyForAFieldTheSecretLacks(t *testing.T) {
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old"})
	source := &clienttest.IssuingSource{Fields: map[string]any{"apikey": "fake-issued"}}
	if _, err := clienttest.New(t).Rotate(t.Context(), p, source); !errors.Is(err, vaultkit.ErrInvalid) || len(source.Revoked) != 1 {
		t.Errorf("Rotate = %v, and revoked %d keys, want ErrInvalid and one", err, len(source.Revoked))
	}
}

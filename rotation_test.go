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

func TestRotateKeepsWhatItDoesNotChange(t *testing.T) {
	client, root := clienttest.New(t), vaulttest.Root(t)
	old := map[string]any{"api_key": "fake-old", "port": 8080, "on": true, "nothing": nil, "list": []any{"a", 1.5}, "o": map[string]any{"x": "y"}}
	p := vaulttest.PutProvider(t, old)
	custom := map[string]any{"owner": "team-a"}
	if err := root.KVv2(vaulttest.Mount).PatchMetadata(t.Context(), vaulttest.Base+"/providers/"+p, vaulttest.CustomMetadata(custom)); err != nil {
		t.Fatalf("PatchMetadata = %v, want no error", err)
	}
	before := vaulttest.Snapshot(t, p)["providers/"+p]
	r := clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithActor("a test"), vaultkit.WithReason("to see"))
	after := vaulttest.Snapshot(t, p)

	provider := after["providers/"+p]
	want := before.Versions[1]
	if backup := after["backups/"+p+"/"+r.Backup]; !reflect.DeepEqual(backup.Versions, map[int]map[string]any{1: want}) {
		t.Errorf("backup %+v, want %+v", backup.Versions, want)
	}
	want["api_key"] = "fake-new"
	if !reflect.DeepEqual(provider.Versions[2], want) || provider.Current != 2 {
		t.Errorf("provider %+v, want %+v", provider, want)
	}
	if !reflect.DeepEqual(provider.Custom, custom) {
		t.Errorf("custom metadata %v, want %v", provider.Custom, custom)
	}
}

func TestRecordSaysWhatHappened(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old"})
	expires := time.Now().Add(90 * 24 * time.Hour).UTC().Truncate(time.Second)
	r := clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithActor("a test"), vaultkit.WithReason("to see"), vaultkit.WithExpiresAt(expires))

	if r.Outcome != vaultkit.OutcomeCommitted || r.Evidence != "acknowledged" || r.Resumed || len(r.Warnings) > 0 || len(r.Pending) > 0 {
		t.Errorf("rotation %+v", r)
	}
	record := r.Record
	if record.Schema != 1 || record.Provider != p || record.OldVersion != 1 || record.NewVersion != 2 || record.Backup != record.ID ||
		record.Actor != "a test" || record.Reason != "to see" || record.Source != "given" || !record.ExpiresAt.Equal(expires) ||
		!slices.Equal(record.FieldsChanged, []string{"api_key"}) || record.VaultRequestIDs.Backup == "" || record.VaultRequestIDs.Commit == "" {
		t.Errorf("record %+v", record)
	}
	if record.StartedAt.IsZero() || record.CommittedAt.Before(record.StartedAt) || record.RecordedAt.IsZero() {
		t.Errorf("times %v, %v, %v", record.StartedAt, record.CommittedAt, record.RecordedAt)
	}
	history, err := client.History(t.Context(), p)
	if err != nil || len(history) != 1 || !vaulttest.SameJSON(t, history[0], record) {
		t.Errorf("History = %+v, %v, want %+v", history, err, record)
	}
	custom := vaulttest.Snapshot(t, p)["providers/"+p].Custom
	if len(custom) != 1 || custom["vaultkit_expires_v2"] != expires.Format(time.RFC3339) {
		t.Errorf("expiry tag %v", custom)
	}
	assertAuditDeviceKnows(t, record)
}

// The request ids of a record are those of Vault's audit device.
func assertAuditDeviceKnows(t *testing.T, record vaultkit.Record) {
	t.Helper()
	paths := vaulttest.AuditedPaths(t)
	if got := paths[record.VaultRequestIDs.Backup]; !strings.HasSuffix(got, "/backups/"+record.Provider+"/"+record.ID) {
		t.Errorf("the backup's request id belongs to %q", got)
	}
	if got := paths[record.VaultRequestIDs.Commit]; !strings.HasSuffix(got, "/data/"+vaulttest.Base+"/providers/"+record.Provider) {
		t.Errorf("the commit's request id belongs to %q", got)
	}
}

func TestBackupsAndHistoryAreNewestFirst(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"})
	for _, key := range []string{"fake-2", "fake-3", "fake-4"} {
		clienttest.Rotate(t, client, p, key, vaultkit.WithActor("actor of "+key))
	}
	history, err := client.History(t.Context(), p)
	if err != nil || len(history) != 3 {
		t.Fatalf("History = %+v, %v", history, err)
	}
	backups, err := client.Backups(t.Context(), p)
	if err != nil || len(backups) != 3 {
		t.Fatalf("Backups = %+v, %v", backups, err)
	}
	for i, b := range backups {
		version := 3 - i
		record := history[i]
		if b.Version != version || record.OldVersion != version || b.ID != record.ID || b.Provider != p || b.Outcome != vaultkit.OutcomeCommitted ||
			b.Actor != record.Actor || !b.ReplacedAt.Equal(record.CommittedAt) || !b.InForceFrom.Before(b.ReplacedAt) {
			t.Errorf("backup %+v, record %+v", b, record)
		}
	}
	if none, err := client.Backups(t.Context(), "nobody"); err != nil || none == nil || len(none) != 0 {
		t.Errorf("Backups of nobody = %v, %v", none, err)
	}
	if none, err := client.History(t.Context(), "nobody"); err != nil || none == nil || len(none) != 0 {
		t.Errorf("History of nobody = %v, %v", none, err)
	}
}

func TestRotateAgain(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"})

	vaulttest.AssertUnchanged(t, p, func() {
		if r, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-1")); !errors.Is(err, vaultkit.ErrNoChange) || r != nil {
			t.Errorf("to the stored key: %+v, %v", r, err)
		}
	})
	first := clienttest.Rotate(t, client, p, "fake-2")
	vaulttest.AssertUnchanged(t, p, func() {
		again := clienttest.Rotate(t, client, p, "fake-2")
		if !again.Resumed || again.ID != first.ID || !vaulttest.SameJSON(t, again.Record, first.Record) {
			t.Errorf("rerun %+v, first %+v", again, first)
		}
	})
	back := clienttest.Rotate(t, client, p, "fake-1") // a key that was used before is a change like any other
	if back.NewVersion != 3 || back.ID == first.ID {
		t.Errorf("%+v", back)
	}
}

func TestRotateOfWhatIsNotThere(t *testing.T) {
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

func TestDryRunWritesNothing(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "other": "x"})
	vaulttest.AssertUnchanged(t, p, func() {
		r := clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithDryRun(), vaultkit.WithReason("why"))
		if r.Outcome != "" || r.OldVersion != 1 || r.Reason != "why" || !slices.Equal(r.FieldsChanged, []string{"api_key"}) {
			t.Errorf("plan %+v", r)
		}
	})
	clienttest.Rotate(t, client, p, "fake-new")
	vaulttest.AssertUnchanged(t, p, func() {
		if r := clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithDryRun()); !r.Resumed || r.Outcome != vaultkit.OutcomeCommitted {
			t.Errorf("plan of what is done %+v", r)
		}
	})
}

func TestVerifyComesBeforeAnyWrite(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "other": "x"})
	refused := errors.New("the provider's API says no")
	vaulttest.AssertUnchanged(t, p, func() {
		_, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"),
			vaultkit.WithVerify(func(_ context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
				if target.Provider != p || target.Stamp == "" || keys["api_key"] != "fake-new" || keys["other"] != "x" {
					t.Errorf("verify got %v", keys.Reveal())
				}
				return refused
			}))
		if !errors.Is(err, refused) {
			t.Errorf("Rotate = %v", err)
		}
	})
	r := clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithVerify(func(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error { return nil }))
	if r.Outcome != vaultkit.OutcomeCommitted {
		t.Errorf("%+v", r)
	}
}

func TestSourceIsToldItsTarget(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"b": "1", "api_key": "fake-old"})
	source := &clienttest.FieldSource{Fields: map[string]any{"api_key": "fake-new", "port": 8080, "on": true}}
	r, err := client.Rotate(t.Context(), p, source, vaultkit.AddFields())
	if err != nil {
		t.Fatalf("Rotate = %v, want no error", err)
	}
	inForce, _, _ := strings.Cut(r.ID, "-")
	if want := (vaultkit.Target{Provider: p, Fields: []string{"api_key", "b"}, Stamp: "vaultkit-" + p + "-v2-" + inForce}); !reflect.DeepEqual(source.Target, want) {
		t.Errorf("target %+v, want %+v", source.Target, want)
	}
	if r.Source != "issuer" || !slices.Equal(r.FieldsChanged, []string{"api_key", "on", "port"}) {
		t.Errorf("record %+v", r.Record)
	}
	keys, err := client.GetProviderKeys(t.Context(), p)
	if err != nil || keys["port"] != "8080" || keys["on"] != "true" {
		t.Errorf("keys %v, %v", keys.Reveal(), err)
	}
	failed := errors.New("issuer is down")
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rotate(t.Context(), p, &clienttest.FieldSource{Err: failed}); !errors.Is(err, failed) {
			t.Errorf("Rotate = %v", err)
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
				t.Errorf("a key of %d characters, seen before: %v", len(key), seen[key])
			}
			seen[key] = true
		}
	}
}

func TestRollback(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1", "extra": "only in 1"})
	first, err := client.Rotate(t.Context(), p, vaultkit.NewFields(map[string]any{"api_key": "fake-2", "added": "in 2"}), vaultkit.AddFields())
	if err != nil {
		t.Fatalf("Rotate = %v, want no error", err)
	}
	back, err := client.Rollback(t.Context(), p, "", vaultkit.WithReason("errors went up"))
	if err != nil {
		t.Fatalf("Rollback = %v, want no error", err)
	}
	snapshot := vaulttest.Snapshot(t, p)
	if got, want := snapshot["providers/"+p].Versions[3], snapshot["providers/"+p].Versions[1]; !reflect.DeepEqual(got, want) {
		t.Errorf("rolled back to %v, want exactly %v", got, want)
	}
	if back.Source != "rollback:"+first.ID || back.Reason != "errors went up" || back.OldVersion != 2 || !slices.Equal(back.FieldsChanged, []string{"added", "api_key"}) {
		t.Errorf("record %+v", back.Record)
	}
	if backup := snapshot["backups/"+p+"/"+back.ID]; backup.Versions[1]["api_key"] != "fake-2" {
		t.Errorf("the replaced secret is not backed up: %+v", backup)
	}
	// Again without an id would bring the bad key back.
	vaulttest.AssertUnchanged(t, p, func() {
		_, err := client.Rollback(t.Context(), p, "")
		if !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), first.ID) || !strings.Contains(err.Error(), back.ID) {
			t.Errorf("second careless rollback: %v", err)
		}
	})
	forth, err := client.Rollback(t.Context(), p, back.ID)
	if err != nil || clienttest.APIKey(t, client, p) != "fake-2" || forth.NewVersion != 4 {
		t.Errorf("rollback by id: %+v, %v", forth, err)
	}
}

func TestRollbackRefuses(t *testing.T) {
	client := clienttest.New(t)
	p, other := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"}), vaulttest.PutProvider(t, map[string]any{"api_key": "fake-1"})
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rollback(t.Context(), p, ""); !errors.Is(err, vaultkit.ErrNotFound) {
			t.Errorf("with nothing to roll back: %v", err)
		}
	})
	mine, others := clienttest.Rotate(t, client, p, "fake-2"), clienttest.Rotate(t, client, other, "fake-2")
	for id, want := range map[string]error{
		others.ID: vaultkit.ErrNotFound, "nonsense": vaultkit.ErrInvalid, "../" + mine.ID: vaultkit.ErrInvalid,
		strings.Replace(mine.ID, "-v1-", "-v9-", 1): vaultkit.ErrNotFound, strings.Repeat("9", 200): vaultkit.ErrInvalid,
	} {
		vaulttest.AssertUnchanged(t, p, func() {
			if _, err := client.Rollback(t.Context(), p, id); !errors.Is(err, want) {
				t.Errorf("id %.40q: %v, want %v", id, err, want)
			}
		})
	}
	vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-foreign"})
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rollback(t.Context(), p, ""); !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), mine.ID) {
			t.Errorf("after a foreign write: %v", err)
		}
	})
}

func TestRecoverOfEverything(t *testing.T) {
	client := clienttest.New(t, vaultkit.WithBasePath("recover-everything"))
	if found, err := client.Recover(t.Context()); err != nil || found == nil || len(found) != 0 {
		t.Errorf("Recover of nothing = %v, %v", found, err)
	}
}

// TestRotate_RefusesAFieldTheSecretLacks: a misspelt field must not become a new one.
func TestRotate_RefusesAFieldTheSecretLacks(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "organization": "org"})
	for name, source := range map[string]vaultkit.Source{
		"a given field":      vaultkit.NewFields(map[string]any{"apikey": "fake-new"}),
		"one of several":     vaultkit.NewFields(map[string]any{"api_key": "fake-new", "apikey": "fake-new"}),
		"a random key":       vaultkit.RandomKey("apikey"),
		"a source of theirs": &clienttest.FieldSource{Fields: map[string]any{"apikey": "fake-new"}},
	} {
		t.Run(name, func(t *testing.T) {
			vaulttest.AssertUnchanged(t, p, func() {
				_, err := client.Rotate(t.Context(), p, source)
				why, ok := errors.AsType[*vaultkit.Error](err)
				if !ok || !errors.Is(err, vaultkit.ErrInvalid) || why.Field != "apikey" || !strings.Contains(err.Error(), "the secret has the fields api_key, organization") {
					t.Errorf("Rotate(apikey) = %v, want ErrInvalid that names the fields there are", err)
				}
				if _, err := client.Rotate(t.Context(), p, source, vaultkit.WithDryRun()); !errors.Is(err, vaultkit.ErrInvalid) {
					t.Errorf("Rotate(apikey, WithDryRun) = %v, want ErrInvalid", err)
				}
			})
		})
	}
	given := vaultkit.NewFields(map[string]any{"api_key": "fake-new", "apikey": "fake-new"})
	plan, err := client.Rotate(t.Context(), p, given, vaultkit.AddFields(), vaultkit.WithDryRun())
	if err != nil || !slices.Equal(plan.FieldsAdded, []string{"apikey"}) || plan.FieldsRemoved != nil || !slices.Equal(plan.FieldsChanged, []string{"api_key", "apikey"}) {
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
	if _, err := client.Rotate(t.Context(), empty, vaultkit.NewKey("fake-new")); !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), "the secret has no fields") {
		t.Errorf("Rotate of an empty secret = %v, want ErrInvalid that says it has no fields", err)
	}
}

// TestRotate_TakesBackAKeyForAFieldTheSecretLacks: the issuer has made a key by then.
func TestRotate_TakesBackAKeyForAFieldTheSecretLacks(t *testing.T) {
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old"})
	source := &clienttest.IssuingSource{Fields: map[string]any{"apikey": "fake-issued"}}
	if _, err := clienttest.New(t).Rotate(t.Context(), p, source); !errors.Is(err, vaultkit.ErrInvalid) || len(source.Revoked) != 1 {
		t.Errorf("Rotate = %v with %d keys taken back, want ErrInvalid and one", err, len(source.Revoked))
	}
}

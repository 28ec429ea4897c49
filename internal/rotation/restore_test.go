package rotation_test

import (
	"errors"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// newDeletedProvider returns a provider that was rotated once and whose current version is deleted.
func newDeletedProvider(t *testing.T, destroy bool) (provider, id string) {
	t.Helper()
	provider, ids := clienttest.PutRotatedProvider(t, 1)
	kv, path := vaulttest.Root(t).KVv2(vaulttest.Mount), vaulttest.Base+"/providers/"+provider
	err := kv.Delete(t.Context(), path)
	if destroy {
		err = kv.Destroy(t.Context(), path, []int{2})
	}
	if err != nil {
		t.Fatal(err)
	}
	return provider, ids[0]
}

func restore(t *testing.T, client *vaultkit.Client, provider, id string, opts ...vaultkit.RollbackOption) (*vaultkit.Rotation, error) {
	t.Helper()
	return client.Rollback(t.Context(), provider, id, append(opts, vaultkit.RestoreDeleted())...)
}

func TestRestore_OfADeletedProvider(t *testing.T) {
	for name, destroy := range map[string]bool{"deleted": false, "destroyed": true} {
		for _, named := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				client := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../../", "rotator"))
				p, backup := newDeletedProvider(t, destroy)
				vaulttest.AssertUnchanged(t, p, func() {
					if _, err := client.Rollback(t.Context(), p, backup); !errors.Is(err, vaultkit.ErrDeleted) {
						t.Errorf("Rollback(%q) without RestoreDeleted = %v, want ErrDeleted", backup, err)
					}
					plan, err := restore(t, client, p, backup, vaultkit.WithDryRun())
					if err != nil || plan.OldVersion != 2 || plan.Outcome != "" {
						t.Errorf("dry run of Rollback(%q) = %+v, %v, want old version 2 and no outcome", backup, plan, err)
					}
				})
				id := backup
				if !named {
					id = ""
				}
				r, err := restore(t, client, p, id)
				if err != nil || r.Outcome != vaultkit.OutcomeCommitted || r.OldVersion != 2 || r.NewVersion != 3 || r.Backup != "" ||
					r.Source != "rollback:"+backup || r.CommittedAt.IsZero() || r.VaultRequestIDs.Commit == "" || r.Resumed || len(r.Warnings) > 0 {
					t.Fatalf("Rollback(%q) = %+v, %v, want version 3 committed without a backup", id, r, err)
				}
				if clienttest.APIKey(t, client, p) != "fake-old" {
					t.Error("GetAPIKey after Rollback returns another key, want fake-old")
				}
				history, err := client.History(t.Context(), p)
				if err != nil || len(history) != 2 || !vaulttest.SameJSON(t, history[0], r.Record) {
					t.Errorf("History = %+v, %v, want two records, the first %+v", history, err, r.Record)
				}
				vaulttest.AssertUnchanged(t, p, func() {
					if again, err := restore(t, client, p, backup); err != nil || !again.Resumed || again.ID != r.ID {
						t.Errorf("the second Rollback(%q) = %+v, %v, want %s resumed", backup, again, err, r.ID)
					}
					// The newest rotation was a rollback, so the library does not choose what
					// to roll back.
					_, err := client.Rollback(t.Context(), p, "")
					if !errors.Is(err, vaultkit.ErrInvalid) || !strings.HasSuffix(err.Error(), "one of the backups "+backup) {
						t.Errorf("Rollback without an id = %v, want ErrInvalid that names the backup %s", err, backup)
					}
				})
			})
		}
	}
}

// A restore fails at any request. A second run finishes it with its record.
func TestRestore_SucceedsAfterOneFault(t *testing.T) {
	for name, action := range map[string]faultproxy.Action{"lost": faultproxy.Lose(), "refused": faultproxy.Refuse(), "500": faultproxy.Error(500, `{"errors":["x"]}`, true)} {
		for _, path := range []string{"/data/" + vaulttest.Base + "/providers/", "/data/" + vaulttest.Base + "/rotations/"} {
			t.Run(name+path, func(t *testing.T) {
				p, id := newDeletedProvider(t, false)
				r, err := restore(t, clienttest.NewWithFaults(t, faultproxy.OnMatch("PUT", path, action)), p, id)
				if err != nil || r.NewVersion != 3 {
					t.Errorf("Rollback(%q) = %+v, %v, want version 3", id, r, err)
				}
				assertRestoredOnce(t, p)
			})
		}
	}
	t.Run("no record", func(t *testing.T) {
		p, id := newDeletedProvider(t, false)
		client := clienttest.NewWithFaults(t, faultproxy.OnEvery("PUT", "/data/"+vaulttest.Base+"/rotations/", faultproxy.Refuse()), clienttest.WithRecordWait(1))
		if r, err := restore(t, client, p, id); !errors.Is(err, vaultkit.ErrUndetermined) || r == nil || r.NewVersion != 3 {
			t.Fatalf("Rollback(%q) without a record = %+v, %v, want version 3 and ErrUndetermined", id, r, err)
		}
		if r, err := restore(t, clienttest.New(t), p, id); err != nil || !r.Resumed || r.NewVersion != 3 {
			t.Fatalf("the second Rollback(%q) = %+v, %v, want version 3 resumed", id, r, err)
		}
		assertRestoredOnce(t, p)
	})
}

func assertRestoredOnce(t *testing.T, provider string) {
	t.Helper()
	history, err := clienttest.New(t).History(t.Context(), provider)
	if err != nil || len(history) != 2 || history[0].NewVersion != 3 || history[0].Outcome != vaultkit.OutcomeCommitted {
		t.Errorf("History = %+v, %v, want two records, the first of version 3 committed", history, err)
	}
	if entry := vaulttest.Snapshot(t, provider)["providers/"+provider]; entry.Current != 3 || !vaulttest.SameJSON(t, entry.Versions[3], clienttest.OldSecret) {
		t.Errorf("Vault has %+v, want version 3 with the old secret", entry)
	}
}

// If the current version can be read, a restore is a rollback.
func TestRestore_OfAReadableVersionIsARollback(t *testing.T) {
	client := clienttest.New(t)
	p, ids := clienttest.PutRotatedProvider(t, 1)
	r, err := restore(t, client, p, ids[0])
	if err != nil || r.Backup == "" || r.NewVersion != 3 {
		t.Errorf("Rollback(%q) = %+v, %v, want version 3 with a backup", ids[0], r, err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		if again, err := restore(t, client, p, ids[0]); err != nil || again.ID != r.ID || !again.Resumed {
			t.Errorf("the second Rollback(%q) = %+v, %v, want %s resumed", ids[0], again, err, r.ID)
		}
	})
	if history, err := client.History(t.Context(), p); err != nil || len(history) != 2 {
		t.Errorf("History = %+v, %v, want two records", history, err)
	}
}

package rotation_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

func TestTwoRotatorsDifferentKeys(t *testing.T) {
	for range 10 {
		p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old"})
		results, errs := race(t, p, "fake-a", "fake-b")
		winner := slices.IndexFunc(errs, func(err error) bool { return err == nil })
		if winner < 0 {
			t.Fatalf("no Rotate succeeded: %v, want one", errs)
		}
		if lost := errs[1-winner]; lost == nil {
			// The second started after the first had committed, so both succeeded.
			if results[0].NewVersion == results[1].NewVersion {
				t.Fatalf("both Rotate committed the same version: %+v, want one", results)
			}
			continue
		} else if !errors.Is(lost, vaultkit.ErrConflict) {
			t.Fatalf("the other Rotate = %v, want ErrConflict", lost)
		}
		client := clienttest.New(t)
		if got, want := clienttest.APIKey(t, client, p), []string{"fake-a", "fake-b"}[winner]; got != want {
			t.Errorf("GetAPIKey(%q) = %q, want %q from the Rotate that succeeded", p, got, want)
		}
		assertOneCommitted(t, client, p, 2)
	}
}

// One rotator waits at its commit, so the race has only one possible end.
func TestRotate_AfterAnotherCommitIsAConflict(t *testing.T) {
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old"})
	rival := clienttest.New(t)
	client := clienttest.NewWithFaults(t, clienttest.BeforeCommit(p, func() { clienttest.Rotate(t, rival, p, "fake-b") }))
	_, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-a"))
	if !errors.Is(err, vaultkit.ErrConflict) || errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatalf("the late Rotate = %v, want ErrConflict", err)
	}
	if got := clienttest.APIKey(t, rival, p); got != "fake-b" {
		t.Errorf("the key in force is %s, want fake-b", got)
	}
	assertOneCommitted(t, rival, p, 2)
	if history, _ := rival.History(t.Context(), p); len(history) != 2 {
		t.Errorf("History = %+v, want a record of the aborted rotation too", history)
	}
}

func TestTwoRotatorsSameKey(t *testing.T) {
	for range 10 {
		p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old"})
		results, errs := race(t, p, "fake-new", "fake-new")
		if errs[0] != nil || errs[1] != nil {
			t.Fatalf("Rotate = %v, want success of both", errs)
		}
		if results[0].ID != results[1].ID || results[0].NewVersion != 2 || results[1].NewVersion != 2 || !vaulttest.SameJSON(t, results[0].Record, results[1].Record) {
			t.Errorf("Rotate = %+v and %+v, want the same record", results[0], results[1])
		}
		snapshot := vaulttest.Snapshot(t, p)
		if snapshot["providers/"+p].Current != 2 || len(snapshot) != 3 {
			t.Errorf("Vault holds %+v, want one version, one backup and one record", snapshot)
		}
	}
}

func race(t *testing.T, p string, keys ...string) ([]*vaultkit.Rotation, []error) {
	t.Helper()
	results, errs := make([]*vaultkit.Rotation, len(keys)), make([]error, len(keys))
	var group sync.WaitGroup
	for i, key := range keys {
		client := clienttest.New(t)
		group.Go(func() { results[i], errs[i] = client.Rotate(t.Context(), p, vaultkit.NewKey(key)) })
	}
	group.Wait()
	return results, errs
}

// assertOneCommitted checks that exactly one record says committed for the version, and that
// every rotation has a record.
func assertOneCommitted(t *testing.T, client *vaultkit.Client, p string, version int) {
	t.Helper()
	if _, err := client.Recover(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	history, err := client.History(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	committed := 0
	for _, record := range history {
		if record.Outcome == vaultkit.OutcomeCommitted && record.NewVersion == version {
			committed++
		}
	}
	if committed != 1 {
		t.Errorf("History = %+v; %d records say committed for version %d, want 1", history, committed, version)
	}
}

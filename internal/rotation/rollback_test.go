package rotation_test

import (
	"errors"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// A rollback without an id that cannot choose says which backups there are, if any.
func TestRollback_WithoutAnIDNamesTheBackupsThereAre(t *testing.T) {
	for name, tc := range map[string]struct {
		backup bool
		hint   func(id string) string
	}{
		"one backup": {true, func(id string) string { return "choose one of the backups " + id }},
		"none":       {false, func(string) string { return "rotate to the secret that you want back" }},
	} {
		t.Run(name, func(t *testing.T) {
			p, ids := clienttest.PutRotatedProvider(t, 1)
			if !tc.backup {
				deleteEntry(t, "backups/"+p+"/"+ids[0])
			}
			vaulttest.Put(t, "providers/"+p, object{"api_key": "fake-foreign"})
			r, err := clienttest.New(t).Rollback(t.Context(), p, "")
			failed, ok := errors.AsType[*vaultkit.Error](err)
			if want := tc.hint(ids[0]); !ok || !errors.Is(err, vaultkit.ErrInvalid) || failed.Hint != want {
				t.Errorf("Rollback without an id = %+v, %v, want ErrInvalid with the hint %q", r, err, want)
			}
		})
	}
}

// deleteEntry removes an entry with its metadata, as an operator may.
func deleteEntry(t *testing.T, path string) {
	t.Helper()
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).DeleteMetadata(t.Context(), vaulttest.Base+"/"+path); err != nil {
		t.Fatal(err)
	}
}

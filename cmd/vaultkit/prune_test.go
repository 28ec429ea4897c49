package main

import (
	"slices"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
)

// backedUp stores a provider, rotates it, and returns the ids of the backups, oldest first.
func backedUp(t testing.TB, rotations int) (provider string, ids []string) {
	t.Helper()
	provider, _, _, id := rotated(t)
	ids = append(ids, id)
	for range rotations - 1 {
		out := vk(t, newKey(), "rotate", provider, "--new-key-stdin", "--json").ok(t)
		ids = append(ids, decode[vaultkit.Rotation](t, out, true).ID)
	}
	return provider, ids
}

// idsOf returns the ids of the backups that a command printed as JSON.
func idsOf(t testing.TB, out string) []string {
	t.Helper()
	ids := []string{}
	for _, b := range decode[[]render.Backup](t, out, true) {
		ids = append(ids, b.ID)
	}
	return ids
}

func TestPrune(t *testing.T) {
	t.Parallel()
	provider, ids := backedUp(t, 4)
	same := untouched(t, provider)
	vk(t, "", "backups", provider, "prune", "--keep", "2", "--dry-run").shows(t, "nothing was deleted", provider, ids[0], ids[1])
	if got := idsOf(t, vk(t, "", "backups", provider, "prune", "--keep", "2", "--dry-run", "--json").ok(t)); !slices.Equal(got, ids[:2]) {
		t.Errorf("vaultkit backups prune --keep 2 --dry-run = %q, want %q", got, ids[:2])
	}
	for _, args := range [][]string{
		{"--older-than", "90d"}, {"--keep", "4"}, {"--keep", "1", "--older-than", "90d"}, {"--keep", "4", "--older-than", "1ns"},
	} {
		vk(t, "", append([]string{"backups", provider, "prune"}, args...)...).shows(t, "Nothing to delete")
	}
	vk(t, "", "backups", provider, "prune", "--keep", "4", "--json").prints(t, "[]\n")
	same()

	vk(t, "", "revoke-old", provider, ids[1], "--cmd", "true").ok(t)
	r := vk(t, "", "backups", provider, "prune", "--keep", "3", "--json")
	r.errHas(t, "the keys of version 1 have no record of a revocation", ids[0])
	out := r.ok(t)
	if got := idsOf(t, out); !slices.Equal(got, ids[:1]) {
		t.Errorf("vaultkit backups prune --keep 3 = %q, want %q", got, ids[:1])
	}
	hasKeys(t, "vaultkit backups prune --json", decode[[]map[string]any](t, out, true)[0],
		"actor id in_force_from outcome provider replaced_at version")
	// The newest backup always stays.
	vk(t, "", "backups", provider, "prune", "--keep", "0", "--older-than", "1ns").shows(t, "Deleted permanently", ids[1], ids[2])
	if got := idsOf(t, vk(t, "", "backups", provider, "--json").ok(t)); !slices.Equal(got, ids[3:]) {
		t.Errorf("vaultkit backups after prune = %q, want %q", got, ids[3:])
	}
}

func TestPruneRefuses(t *testing.T) {
	t.Parallel()
	provider, ids := backedUp(t, 1)
	same := untouched(t, provider)
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no limit":        {[]string{provider, "prune"}, "--keep, --older-than or both"},
		"a limit of none": {[]string{provider, "prune", "--keep", "0"}, "--keep, --older-than or both"},
		"less than none":  {[]string{provider, "prune", "--keep", "-1"}, "--keep"},
		"another word":    {[]string{provider, ids[0]}, "the word prune"},
		"no word":         {[]string{provider, "--keep", "1"}, "--keep is for: vaultkit backups PROVIDER prune"},
		"no word, age":    {[]string{provider, "--older-than", "1d"}, "--older-than is for"},
		"no word, dry":    {[]string{provider, "--dry-run"}, "--dry-run is for"},
		"an odd age":      {[]string{provider, "prune", "--older-than", "soon"}, "90d"},
		"three words":     {[]string{provider, "prune", "prune"}, "too many arguments"},
	} {
		t.Run(name, func(t *testing.T) {
			vk(t, "", append([]string{"backups"}, tc.args...)...).want(t, exitcode.Usage, tc.says, "[prune --keep N --older-than TIME]")
		})
	}
	vk(t, "", "backups", "a/b", "prune", "--keep", "1").want(t, exitcode.Usage, "provider name")
	same()
	vkAs(t, role(t, "reader"), "", "backups", provider, "prune", "--keep", "1").want(t, exitcode.Denied, "permission denied")
	same()
}

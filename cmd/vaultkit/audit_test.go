package main

import (
	"slices"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/internal/vaulttest"
)

func TestBackups(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	vk(t, newKey(), "rotate", provider, "--new-key-stdin", "--actor", "me", "--reason", "why").ok(t)
	vk(t, "", "backups", provider).shows(t, "2\t20", "\tcommitted\tme\t", "\n1\t20", "\t"+id+"\n")

	out := vk(t, "", "backups", provider, "--json").ok(t)
	list := decode[[]render.Backup](t, out, true)
	if len(list) != 2 || list[0].Version != 2 || list[1].ID != id {
		t.Errorf("vaultkit backups --json prints %s, want versions 2 and 1, the latter with id %s", out, id)
	}
	hasKeys(t, "vaultkit backups --json", decode[[]map[string]any](t, out, true)[0],
		"actor id in_force_from outcome provider reason replaced_at version")
}

func TestHistory(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	vk(t, newKey(), "rotate", provider, "--new-key-stdin", "--actor", "me", "--reason", "why", "--expires-in", "1d12h").ok(t)
	vk(t, "", "history", provider).shows(t, "Z\t2 -> 3\tcommitted\tgiven\tapi_key\tme\twhy\t-\t", "Z\t1 -> 2\t", "\t"+id+"\n")

	out := vk(t, "", "history", provider, "--json").ok(t)
	list := decode[[]vaultkit.Record](t, out, true)
	if len(list) != 2 || list[0].NewVersion != 3 || list[1].ID != id {
		t.Errorf("vaultkit history --json prints %s, want the records of versions 3 and 2, the latter with id %s", out, id)
	}
	hasKeys(t, "vaultkit history --json", decode[[]map[string]any](t, out, true)[0], recordKeys)
}

func TestLists_OfNothing(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	for _, command := range []string{"backups", "history", "recover"} {
		vk(t, "", command, provider, "--json").prints(t, "[]\n")
	}
	for command, says := range map[string]string{"backups": "never rotated", "history": "never rotated"} {
		r := vk(t, "", command, provider)
		r.prints(t, "")
		r.errHas(t, says)
	}
	vk(t, "", "recover", provider).shows(t, "Nothing to recover")
}

// orphan writes a backup without a record, as a rotation that crashed before its commit.
func orphan(t testing.TB, provider, from string) {
	t.Helper()
	data := vaulttest.Look(t, "providers/"+provider)["providers/"+provider]
	vaulttest.Put(t, "backups/"+provider+"/"+from, data.Versions[data.Current])
}

func TestRecover(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	// Delete the record, and add a backup of an earlier generation.
	old := anyID
	orphan(t, provider, old)
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).DeleteMetadata(t.Context(), vaulttest.Base+"/rotations/"+provider+"/"+id); err != nil {
		t.Fatalf("DeleteMetadata() = %v, want no error", err)
	}
	out := vk(t, "", "recover", provider, "--json").ok(t)
	got := decode[[]vaultkit.Resolution](t, out, true)
	want := []vaultkit.Resolution{
		{Provider: provider, ID: id, Outcome: vaultkit.OutcomeCommitted, Evidence: "inferred"},
		{Provider: provider, ID: old, Outcome: vaultkit.OutcomeRecreated},
	}
	if !slices.Equal(got, want) {
		t.Errorf("vaultkit recover --json = %+v, want %+v", got, want)
	}
	hasKeys(t, "vaultkit recover --json", decode[[]map[string]any](t, out, true)[0], "evidence id outcome provider")
	vk(t, "", "recover", provider).shows(t,
		provider+"\trecreated\tthe provider was deleted and created again since; vaultkit abort closes it\t"+old+"\n")
	vk(t, "", "recover", "a/b").want(t, exitcode.Usage, "provider name")
}

func TestRecoverAll(t *testing.T) {
	t.Parallel()
	base := vaulttest.Name(t) // all the providers of a base of its own
	key := newKey()
	vk(t, key, "put", "one", "api_key=-", "--base", base).ok(t)
	vk(t, newKey(), "rotate", "one", "--new-key-stdin", "--base", base).ok(t)
	vk(t, "", "recover", "--base", base).shows(t, "Nothing to recover")
}

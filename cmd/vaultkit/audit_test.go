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
	has(t, vk(t, "", "backups", provider).ok(t), "2\t20", "\tcommitted\tme\t", "\n1\t20", "\t"+id+"\n")

	out := vk(t, "", "backups", provider, "--json").ok(t)
	list := decode[[]render.Backup](t, out, true)
	if len(list) != 2 || list[0].Version != 2 || list[1].ID != id {
		t.Errorf("vaultkit backups --json printed %s", out)
	}
	const keys = "actor id in_force_from outcome provider reason replaced_at version"
	if got := keysOf(decode[[]map[string]any](t, out, true)[0]); got != keys {
		t.Errorf("vaultkit backups --json has the keys %s, want %s", got, keys)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	vk(t, newKey(), "rotate", provider, "--new-key-stdin", "--actor", "me", "--reason", "why", "--expires-in", "1d12h").ok(t)
	has(t, vk(t, "", "history", provider).ok(t), "Z\t2 -> 3\tcommitted\tgiven\tapi_key\tme\twhy\t-\t", "Z\t1 -> 2\t", "\t"+id+"\n")

	out := vk(t, "", "history", provider, "--json").ok(t)
	list := decode[[]vaultkit.Record](t, out, true)
	if len(list) != 2 || list[0].NewVersion != 3 || list[1].ID != id {
		t.Errorf("vaultkit history --json printed %s", out)
	}
	if got := keysOf(decode[[]map[string]any](t, out, true)[0]); got != recordKeys {
		t.Errorf("vaultkit history --json has the keys %s, want %s", got, recordKeys)
	}
}

func TestLists_OfNothing(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	for _, command := range []string{"backups", "history", "recover"} {
		if out := vk(t, "", command, provider, "--json").ok(t); out != "[]\n" {
			t.Errorf("%s --json = %q, want []", command, out)
		}
	}
	for command, says := range map[string]string{"backups": "never rotated", "history": "never rotated"} {
		r := vk(t, "", command, provider)
		if r.ok(t) != "" {
			t.Errorf("%s printed %q", command, r.out)
		}
		has(t, r.err, says)
	}
	has(t, vk(t, "", "recover", provider).ok(t), "Nothing to settle")
}

// orphan leaves a backup behind, as a rotation does that died before its commit.
func orphan(t testing.TB, provider, from string) {
	t.Helper()
	data := vaulttest.Look(t, "providers/"+provider)["providers/"+provider]
	vaulttest.Put(t, "backups/"+provider+"/"+from, data.Versions[data.Current])
}

func TestRecover(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	// Take the record away, and leave an older rotation that is not this
	// generation's.
	old := anyID
	orphan(t, provider, old)
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).DeleteMetadata(t.Context(), vaulttest.Base+"/rotations/"+provider+"/"+id); err != nil {
		t.Fatal(err)
	}
	out := vk(t, "", "recover", provider, "--json").ok(t)
	got := decode[[]vaultkit.Resolution](t, out, true)
	want := []vaultkit.Resolution{
		{Provider: provider, ID: id, Outcome: vaultkit.OutcomeCommitted, Evidence: "inferred"},
		{Provider: provider, ID: old, Outcome: vaultkit.OutcomeRecreated},
	}
	if !slices.Equal(got, want) {
		t.Errorf("vaultkit recover --json printed %s", out)
	}
	if got := keysOf(decode[[]map[string]any](t, out, true)[0]); got != "evidence id outcome provider" {
		t.Errorf("vaultkit recover --json has the keys %s, want %s", got, "evidence id outcome provider")
	}
	has(t, vk(t, "", "recover", provider).ok(t), provider+"\trecreated\tthe provider was deleted and created again since; vaultkit abort closes it\t"+old+"\n")
	vk(t, "", "recover", "a/b").want(t, exitcode.Usage, "provider name")
}

func TestRecoverAll(t *testing.T) {
	t.Parallel()
	base := vaulttest.Name(t) // all the providers of a base of its own
	key := newKey()
	vk(t, key, "put", "one", "api_key=-", "--base", base).ok(t)
	vk(t, newKey(), "rotate", "one", "--new-key-stdin", "--base", base).ok(t)
	has(t, vk(t, "", "recover", "--base", base).ok(t), "Nothing to settle")
}

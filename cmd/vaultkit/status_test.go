package main

import (
	"fmt"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/internal/vaulttest"
)

// expiring stores a provider whose key expires after a time.
func expiring(t testing.TB, in string) (provider string) {
	t.Helper()
	provider, _ = stored(t)
	vk(t, newKey(), "rotate", provider, "--new-key-stdin", "--expires-in", in).ok(t)
	return provider
}

func TestStatus(t *testing.T) {
	t.Parallel()
	fresh, _ := stored(t)
	soon, late, past := expiring(t, "5d"), expiring(t, "90d"), expiring(t, "1ns")
	for name, tc := range map[string]struct {
		args []string
		code int
		due  map[string]string
	}{
		"nothing due":     {[]string{fresh, late}, exitcode.OK, nil},
		"a week, unasked": {[]string{fresh, soon, late}, exitcode.Due, map[string]string{soon: "expiring"}},
		"within less":     {[]string{soon, late, "--due-within", "4d"}, exitcode.OK, nil},
		"within more":     {[]string{late, "--due-within", "13w"}, exitcode.Due, map[string]string{late: "expiring"}},
		"expired":         {[]string{past, "--due-within", "1s"}, exitcode.Due, map[string]string{past: "expired"}},
		"of age":          {[]string{fresh, late, "--max-age", "1ns"}, exitcode.Due, map[string]string{fresh: "age", late: "age"}},
		"not of age":      {[]string{fresh, late, "--max-age", "90d"}, exitcode.OK, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := vk(t, "", append([]string{"status", "--json"}, tc.args...)...)
			says := map[int]string{exitcode.OK: "", exitcode.Due: fmt.Sprintf("vaultkit: due for rotation: %d of ", len(tc.due))}
			r.exits(t, tc.code, says[tc.code])
			for _, one := range decode[[]vaultkit.ProviderStatus](t, r.out, true) {
				if one.Due != tc.due[one.Provider] {
					t.Errorf("vaultkit %s: due of %s = %q, want %q", r.call, one.Provider, one.Due, tc.due[one.Provider])
				}
			}
			if tc.code == exitcode.OK && r.err != "" {
				t.Errorf("vaultkit %s: stderr = %q, want nothing", r.call, r.err)
			}
		})
	}
}

func TestStatusForPeople(t *testing.T) {
	t.Parallel()
	pending, _, _ := undecided(t)
	soon, deleted := expiring(t, "5d"), vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+deleted, map[string]any{"api_key": newKey()})
	deleteCurrent(t, deleted)
	r := vk(t, "", "status", pending, soon, deleted)
	r.exits(t, exitcode.Due, "due for rotation: 2 of 3 keys; 1 deleted, or about to be")
	r.outHas(t, pending+"\t1\t0m\t-\t-\t1 pending: vaultkit recover "+pending+"\n", deleted+"\t1\t0m\t-\tdeleted\tdeleted at 20",
		soon+"\t2\t0m\t"+render.When(time.Now().Add(5 * flagtype.Day))[:10], "\texpiring\t-\n")
}

func TestStatusJSON(t *testing.T) {
	t.Parallel()
	provider := expiring(t, "5d")
	r := vk(t, "", "status", provider, "--json")
	r.exits(t, exitcode.Due)
	object := decode[[]map[string]any](t, r.out, true)[0]
	hasKeys(t, "vaultkit status --json", object, "destroyed due expires_at in_force_from pending provider version")
	r.outHas(t, `"pending": []`, `"version": 2`)
}

// A provider that cannot be read does not stop the others. The exit code is that of the
// first error, even if a key is due.
func TestStatusFailures(t *testing.T) {
	t.Parallel()
	soon, nobody, another := expiring(t, "5d"), vaulttest.Name(t), vaulttest.Name(t)
	r := vk(t, "", "status", nobody, soon, another, "--json")
	r.exits(t, exitcode.NotFound, "vaultkit: "+nobody+": not found", "vaultkit: "+another+": not found")
	if found := decode[[]vaultkit.ProviderStatus](t, r.out, true); len(found) != 1 || found[0].Provider != soon {
		t.Errorf("vaultkit status --json = %+v, want %s only", found, soon)
	}
	vk(t, "", "status", nobody).want(t, exitcode.NotFound, "not found")
	vk(t, "", "status", soon, "a/b").want(t, exitcode.Usage, "provider name")
	vk(t, "", "status", "--due-within", "soon").want(t, exitcode.Usage, "90d")
	vk(t, "", "status", "--max-age", "0d").want(t, exitcode.Usage, "90d")
	vkAs(t, role(t, "provisioner"), "", "status").want(t, exitcode.Denied, "permission denied", "list")
	// The rights of a reader are not sufficient.
	vkAs(t, role(t, "reader"), "", "status", soon).want(t, exitcode.Denied, "permission denied")
}

func TestStatusOfAll(t *testing.T) {
	t.Parallel()
	base := vaulttest.Name(t) // all the providers of a base of its own
	vk(t, "", "status", "--base", base).want(t, exitcode.NotFound, "no provider has a secret at secret/"+base+"/providers", "--base")
	r := vk(t, "", "status", "--base", base, "--json")
	if r.exits(t, exitcode.NotFound, "--base"); r.out != "[]\n" {
		t.Errorf("vaultkit status --json = %q, want []", r.out)
	}
	for _, name := range []string{"two", "one"} {
		vk(t, newKey(), "put", name, "api_key=-", "--base", base).ok(t)
	}
	found := decode[[]vaultkit.ProviderStatus](t, vk(t, "", "status", "--base", base, "--json").ok(t), true)
	if len(found) != 2 || found[0].Provider != "one" || found[1].Provider != "two" {
		t.Errorf("vaultkit status --json = %+v, want one and two", found)
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// isRandom fails the test unless --auto made the provider's key.
func isRandom(t testing.TB, provider string, more ...string) {
	t.Helper()
	if out := vk(t, "", append([]string{"get", provider}, more...)...).ok(t); len(out) != 44 || strings.Contains(out, canary) {
		t.Errorf("vaultkit get %s = %q, want a random key of 43 characters", provider, out)
	}
}

func TestRotateMany(t *testing.T) {
	t.Parallel()
	providers := several(t, 3)
	r := vkAs(t, role(t, "rotator"), "", append([]string{"rotate", "--auto", "--reason", "all of them"}, providers...)...)
	var want strings.Builder
	for _, provider := range providers {
		isRandom(t, provider)
		history := vk(t, "", "history", provider, "--json").ok(t)
		has(t, "vaultkit history --json", history, "all of them")
		fmt.Fprintf(&want, "Rotated %s, version 1 -> 2, id %s\n", provider, decode[[]vaultkit.Record](t, history, true)[0].ID)
	}
	if r.prints(t, want.String()); r.err != "" {
		t.Errorf("vaultkit rotate of several providers: stderr = %q, want nothing", r.err)
	}
}

// One failure does not stop the others. The exit code is that of the first failure.
func TestRotateMany_ContinuesAfterAFailure(t *testing.T) {
	t.Parallel()
	providers := several(t, 2)
	nobody := vaulttest.Name(t)
	args := []string{"rotate", "--auto", providers[0], nobody, providers[1], "--parallel", "2", "--reason", "why", "--expires-in", "30d"}
	r := vk(t, "", append(args, "--json")...)
	r.exits(t, exitcode.NotFound, "vaultkit: 1 of 3 rotations failed: "+nobody+"\n")
	objects := decode[[]map[string]json.RawMessage](t, r.out, true)
	for i, want := range []struct{ provider, rotation, failure, code string }{
		{providers[0], "{", "null", "0"}, {nobody, "null", `"` + nobody + `: not found`, "4"}, {providers[1], "{", "null", "0"},
	} {
		got := objects[i]
		if string(got["provider"]) != `"`+want.provider+`"` || !strings.HasPrefix(string(got["rotation"]), want.rotation) ||
			!strings.HasPrefix(string(got["error"]), want.failure) || string(got["exit_code"]) != want.code || len(got) != 4 {
			t.Errorf("vaultkit rotate --json = %s, want 4 keys: provider %s, rotation %s..., error %s..., exit code %s",
				got, want.provider, want.rotation, want.failure, want.code)
		}
	}
	hasKeys(t, "rotation in vaultkit rotate --json", decode[[]struct{ Rotation map[string]any }](t, r.out, false)[0].Rotation, rotationKeys)
	r = vk(t, "", args...)
	r.exits(t, exitcode.NotFound, "1 of 3 rotations failed: "+nobody)
	r.outHas(t, "Rotated "+providers[0]+", version 2 -> 3, id 20", "\nFailed "+nobody+": not found",
		"\nRotated "+providers[1]+", version 2 -> 3, id 20")
}

// An undetermined outcome decides the exit code, even after another failure.
func TestRotateMany_UndeterminedDecidesTheExitCode(t *testing.T) {
	t.Parallel()
	providers := several(t, 2)
	nobody := vaulttest.Name(t)
	through := proxy(t, faultproxy.OnEvery("PUT", commits+providers[1], faultproxy.Hang()))
	r := vkBare(t.Context(), t, "", append(through, "rotate", "--auto", "--timeout", "2s", nobody, providers[0], providers[1])...)
	r.exits(t, exitcode.Undetermined, "2 of 3 rotations failed: "+nobody+", "+providers[1], "vaultkit recover "+providers[1]+" --address http")
	r.outHas(t, "Failed "+nobody, "Rotated "+providers[0], "Failed "+providers[1]+": outcome undetermined")
}

func TestRotateManyInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	providers := several(t, 3)
	through := proxy(t, faultproxy.OnMatch("PUT", "/data/goblin-assistant/backups/", faultproxy.Hang().Before(interrupt)))
	r := vkBare(ctx, t, "", slices.Concat(through, []string{"rotate", "--auto", "--parallel", "1"}, providers)...)
	r.exits(t, exitcode.Failure, "3 of 3 rotations failed")
	if got := strings.Count(r.out, "Failed "); got != 3 {
		t.Errorf("vaultkit rotate after Ctrl-C reports %d failures, want 3, in:\n%s", got, r.out)
	}
}

func TestRotateAll(t *testing.T) {
	t.Parallel()
	base := vaulttest.Name(t) // all the providers of a base of its own
	r := vk(t, "", "rotate", "--all", "--yes", "--auto", "--base", base)
	r.prints(t, "")
	r.errHas(t, "No provider")
	vk(t, "", "rotate", "--all", "--yes", "--auto", "--base", base, "--json").prints(t, "[]\n")
	for _, name := range []string{"two", "one"} {
		vk(t, newKey(), "put", name, "api_key=-", "--base", base).ok(t)
	}
	vk(t, "", "rotate", "--all", "--auto", "--base", base).want(t, exitcode.Usage, "add --yes") // not a terminal
	vk(t, "", "rotate", "--all", "--auto", "--base", base, "--dry-run").shows(t, "one would go from version 1 to 2", "two would")
	vk(t, "", "rotate", "--all", "--yes", "--auto", "--base", base).shows(t, "Rotated one, version 1 -> 2, id ",
		"\nRotated two, version 1 -> 2, id ")
	isRandom(t, "one", "--base", base)
	isRandom(t, "two", "--base", base)
}

func TestRotateManyDryRun(t *testing.T) {
	t.Parallel()
	providers := several(t, 2)
	same := []func(){untouched(t, providers[0]), untouched(t, providers[1])}
	r := vk(t, "", append([]string{"rotate", "--auto", "--dry-run"}, providers...)...)
	for i, provider := range providers {
		r.shows(t, "nothing was written: "+provider+" would go from version 1 to 2", "secret/goblin-assistant/backups/"+provider+"/20")
		same[i]()
	}
	if got := strings.Count(r.out, "-v1-<fingerprint of the key>"); got != 4 {
		t.Errorf("vaultkit rotate --auto --dry-run prints %d ids without a fingerprint, want 4, in:\n%s", got, r.out)
	}
}

func TestRotateManyRefuses(t *testing.T) {
	t.Parallel()
	providers := several(t, 2)
	same := []func(){untouched(t, providers[0]), untouched(t, providers[1])}
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"a given key":         {[]string{providers[0], providers[1], "--new-key-stdin"}, "a new key for each of them"},
		"a given key for all": {[]string{"--all", "--new-key-stdin"}, "a new key for each of them"},
		"no key at all":       {[]string{"--all"}, "auto"},
		"all and one":         {[]string{"--all", "--auto", providers[0]}, "--all means every provider"},
		"all and a flag":      {[]string{"--all", "--auto", "--provider", providers[0]}, "--all means every provider"},
		"a flag and some":     {[]string{"--auto", "--provider", providers[0], providers[0], providers[1]}, "without --provider"},
		"nobody at work":      {[]string{"--auto", "--parallel", "0", providers[0], providers[1]}, "--parallel"},
		"an empty command":    {[]string{"--auto", "--verify-cmd", "", providers[0], providers[1]}, "--verify-cmd is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			vk(t, newKey(), append([]string{"rotate"}, tc.args...)...).want(t, exitcode.Usage, tc.says, "Usage: vaultkit rotate")
		})
	}
	r := vk(t, "", "rotate", "--auto", providers[0], providers[1], providers[0])
	r.exits(t, exitcode.Usage, "1 of 1 rotations failed: "+providers[0])
	r.outHas(t, "named twice")
	same[0]()
	same[1]()
}

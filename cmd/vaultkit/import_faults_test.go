package main

import (
	"context"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// A response that is lost leaves one outcome undetermined. The rest is imported, and the same
// import again finishes.
func TestImport_ReportsWhatIsUndetermined(t *testing.T) {
	t.Parallel()
	lost, fresh, key := vaulttest.Name(t), vaulttest.Name(t), newKey()
	text := file(t, `{"`+lost+`": {"api_key": "`+key+`"}, "`+fresh+`": {"api_key": "`+key+`"}}`)
	through, _ := newProxy(t, faultproxy.OnMatch("PUT", "/providers/"+lost, faultproxy.Lose()))
	args := []string{"import", text, "--yes", "--json", "--address", through.URL(), "--token-file", file(t, role(t, "provisioner"))}
	got := summaryOf(t, vkBare(t.Context(), t, "", args...), exitcode.Undetermined)
	want := map[string]string{lost: "create: undetermined", fresh: "create: created"}
	if outcomes := got.outcomes(); !maps.Equal(outcomes, want) {
		t.Errorf("vaultkit import, a response lost: outcomes = %v, want %v", outcomes, want)
	}
	got = summaryOf(t, vk(t, "", "import", text, "--yes", "--json"), exitcode.OK)
	want = map[string]string{lost: "unchanged: unchanged", fresh: "unchanged: unchanged"}
	if outcomes := got.outcomes(); !maps.Equal(outcomes, want) {
		t.Errorf("vaultkit import again: outcomes = %v, want %v", outcomes, want)
	}
}

// After the timeout, the providers that are left are not tried, and the summary says so.
func TestImport_StopsAtTheTimeout(t *testing.T) {
	t.Parallel()
	first, hangs, last, key := vaulttest.Name(t), vaulttest.Name(t), vaulttest.Name(t), newKey()
	text := `{"` + first + `": {"api_key": "` + key + `"}, "` + hangs + `": {"api_key": "` + key + `"}, "` + last + `": {"api_key": "` + key + `"}}`
	through := proxy(t, faultproxy.OnEvery("PUT", "/providers/"+hangs, faultproxy.Hang()))
	r := vkBare(t.Context(), t, "", append(through, "import", file(t, text), "--yes", "--json", "--timeout", "2s")...)
	got := summaryOf(t, r, exitcode.Undetermined).outcomes()
	want := map[string]string{first: "create: created", hangs: "create: undetermined", last: "create: not_written"}
	if !maps.Equal(got, want) {
		t.Errorf("vaultkit import, no response for the second: outcomes = %v, want %v", got, want)
	}
	holds(t, first, key)
	vk(t, "", "get", last).want(t, exitcode.NotFound, "not found")
}

// Another program creates a provider between the plan and the write.
func TestImport_FindsAProviderThatIsCreatedMeanwhile(t *testing.T) {
	t.Parallel()
	key, other := newKey(), newKey()
	for mode, tc := range map[string]struct {
		stored  string
		code    int
		outcome string
	}{
		"fail": {other, exitcode.Conflict, "create: not_written"}, "skip": {other, exitcode.OK, "create: skipped"}, "rotate": {key, exitcode.OK, "create: unchanged"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			provider := vaulttest.Name(t)
			through := proxy(t, faultproxy.OnMatch("PUT", "/providers/"+provider, faultproxy.Before(func() {
				vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": tc.stored})
			})))
			text := `{"` + provider + `": {"api_key": "` + key + `"}}`
			r := vkBare(t.Context(), t, "", append(through, "import", file(t, text), "--yes", "--json", "--on-conflict", mode)...)
			if got := summaryOf(t, r, tc.code).outcomes()[provider]; got != tc.outcome {
				t.Errorf("vaultkit import --on-conflict %s: outcome = %q, want %q", mode, got, tc.outcome)
			}
			holds(t, provider, tc.stored)
		})
	}
}

// An interruption stops the import. The summary says what is stored and what is not.
func TestImport_ReportsWhatAnInterruptionLeft(t *testing.T) {
	t.Parallel()
	first, second, last, key := vaulttest.Name(t), vaulttest.Name(t), vaulttest.Name(t), newKey()
	text := `{"` + first + `": {"api_key": "` + key + `"}, "` + second + `": {"api_key": "` + key + `"}, "` + last + `": {"api_key": "` + key + `"}}`
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	through := proxy(t, faultproxy.OnMatch("PUT", "/providers/"+second, faultproxy.Before(cancel)))
	r := vkBare(ctx, t, "", append(through, "import", file(t, text), "--yes", "--json")...)
	if got := summaryOf(t, r, exitcode.Undetermined).outcomes(); got[first] != "create: created" || got[second] != "create: undetermined" || got[last] != "create: not_written" {
		t.Errorf("vaultkit import, interrupted: outcomes = %v, want created, undetermined, not_written", got)
	}
	r.errHas(t, "2 of 3 providers failed: "+second+", "+last, "run the same import again")
	vk(t, "", "get", last).want(t, exitcode.NotFound, "not found")
}

// onThirdRead runs f before the third read of a provider: that of the rotation, after those of the plan.
func onThirdRead(provider string, f func()) faultproxy.Rule {
	var reads atomic.Int32
	return faultproxy.When(func(r faultproxy.Request) bool {
		return r.Method == "GET" && strings.HasSuffix(r.Path, "/data/"+vaulttest.Base+"/providers/"+provider) && reads.Add(1) == 3
	}, faultproxy.Before(f))
}

// Another program changes a provider after import has read it. import replaces only what it has shown.
func TestImport_RotatesOnlyWhatItHasShown(t *testing.T) {
	t.Parallel()
	key, other := newKey(), newKey()
	for name, tc := range map[string]struct {
		on            func(provider string, f func()) faultproxy.Rule
		stored        string
		code          int
		outcome, says string
	}{
		"before the rotation": {onThirdRead, other, exitcode.Conflict, "not_written", "has changed the secret since import read it"},
		"during the rotation": {func(provider string, f func()) faultproxy.Rule {
			return faultproxy.OnMatch("PUT", "/data/"+vaulttest.Base+"/providers/"+provider, faultproxy.Before(f))
		}, other, exitcode.Conflict, "not_written", "conflict"},
		"to the same value": {onThirdRead, key, exitcode.OK, "unchanged", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider, _ := stored(t)
			through := proxy(t, tc.on(provider, func() { vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": tc.stored}) }))
			text := `{"` + provider + `": {"api_key": "` + key + `"}}`
			r := vkBare(t.Context(), t, "", append(through, "import", file(t, text), "--yes", "--json", "--on-conflict", "rotate")...)
			got := summaryOf(t, r, tc.code)
			if outcome := got.outcomes()[provider]; outcome != "rotate: "+tc.outcome {
				t.Errorf("vaultkit import, changed %s: outcome = %q, want rotate: %s", name, outcome, tc.outcome)
			}
			if failed := got.Providers[0].Error; tc.says != "" && (failed == nil || !strings.Contains(*failed, tc.says)) {
				t.Errorf("vaultkit import, changed %s: error = %v, want one that says %q", name, failed, tc.says)
			}
			holds(t, provider, tc.stored)
		})
	}
}

// A rotation without a response is undetermined. The hint names the command that finds out.
func TestImport_SaysHowToRecoverARotation(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	key := newKey()
	text := file(t, `{"`+provider+`": {"api_key": "`+key+`"}}`)
	through := proxy(t, faultproxy.OnEvery("PUT", "/data/"+vaulttest.Base+"/providers/"+provider, faultproxy.Hang()))
	r := vkBare(t.Context(), t, "", append(through, "import", text, "--yes", "--on-conflict", "rotate", "--timeout", "2s")...)
	r.exits(t, exitcode.Undetermined, "vaultkit recover "+provider)
	r.outHas(t, provider+"\tundetermined")
	vk(t, "", "import", text, "--yes", "--on-conflict", "rotate").shows(t, provider+"\trotated\t2")
	holds(t, provider, key)
}

// A rotation's warnings are shown, as rotate shows them.
func TestImport_ShowsTheWarningsOfARotation(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	vaulttest.SetDeleteVersionAfter(t, provider, "720h")
	r := vk(t, "", "import", file(t, `{"`+provider+`": {"api_key": "`+newKey()+`"}}`), "--yes", "--on-conflict", "rotate")
	r.shows(t, provider+"\trotated")
	r.errHas(t, "warning: ", "delete_version_after")
}

// A provider that has a field which is not text can be rotated. The field stays.
func TestImport_KeepsFieldsThatAreNotText(t *testing.T) {
	t.Parallel()
	provider, key := vaulttest.Name(t), newKey()
	vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": newKey(), "list": []any{"x"}})
	text := file(t, `{"`+provider+`": {"api_key": "`+key+`"}}`)
	vk(t, "", "import", text, "--yes").exits(t, exitcode.Conflict, provider)
	vk(t, "", "import", text, "--yes", "--on-conflict", "rotate").shows(t, provider+"\trotated\t2")
	vk(t, "", "import", text, "--yes", "--on-conflict", "rotate").shows(t, provider+"\tunchanged")
	now := vaulttest.Look(t, "providers/"+provider)["providers/"+provider]
	if want := map[string]any{"api_key": key, "list": []any{"x"}}; !vaulttest.SameJSON(t, now.Versions[2], want) {
		t.Errorf("fields of %s = %v, want the new key and the list", provider, maps.Keys(now.Versions[2]))
	}
}

package main

import (
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/faultproxy"
)

// undecided makes a provider with a rotation that died before its commit, and
// returns the key it holds and the rotation's id.
func undecided(t testing.TB) (provider, key, id string) {
	t.Helper()
	provider, key = stored(t)
	plan := vk(t, newKey(), "rotate", provider, "--new-key-stdin", "--dry-run", "--json").ok(t)
	id = decode[vaultkit.Rotation](t, plan, true).ID
	orphan(t, provider, id)
	return provider, key, id
}

func TestAbort(t *testing.T) {
	t.Parallel()
	provider, key, id := undecided(t)
	rotator := role(t, "rotator")
	vkAs(t, rotator, "", "abort", provider, id).shows(t, "Aborted the rotation of "+provider, "never be applied", id, "fenced by version 2")
	holds(t, provider, key)
	vkAs(t, rotator, "", "abort", provider, id).shows(t, "already recorded as aborted")
	vk(t, "", "recover", provider).shows(t, "Nothing to recover")
	vk(t, "", "history", provider).shows(t, "aborted", id)
}

func TestAbortJSON(t *testing.T) {
	t.Parallel()
	provider, _, id := undecided(t)
	out := vk(t, "", "abort", provider, id, "--json").ok(t)
	r := decode[vaultkit.Rotation](t, out, true)
	if r.ID != id || r.Outcome != vaultkit.OutcomeAborted || r.Resumed || r.Cause == "" {
		t.Errorf("vaultkit abort --json prints %s, want rotation %s, aborted now, with a cause", out, id)
	}
	has(t, "vaultkit abort --json", out, `"pending": []`, `"warnings": []`, `"resumed": false`)
}

// TestAbortUnknown closes what recover only reports: of a generation of the
// provider that is gone.
func TestAbortUnknown(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	orphan(t, provider, anyID)
	vk(t, "", "abort", provider, anyID).shows(t, "Closed the rotation of "+provider, "no longer possible", "created anew")
	holds(t, provider, key)
}

func TestAbortRefuses(t *testing.T) {
	t.Parallel()
	provider, _, after, id := rotated(t)
	_, _, otherID := undecided(t)
	deleted, _, deletedID := undecided(t)
	deleteCurrent(t, deleted)
	for name, tc := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"committed": {[]string{provider, id}, exitcode.Conflict,
			[]string{"is committed, version 1 -> 2", "vaultkit rollback " + provider + " --to " + id}},
		"committed, JSON":  {[]string{provider, id, "--json"}, exitcode.Conflict, []string{"is committed"}},
		"another's id":     {[]string{provider, otherID}, exitcode.NotFound, []string{"no such backup"}},
		"an odd id":        {[]string{provider, "nonsense"}, exitcode.Usage, []string{"rotation id"}},
		"an odd name":      {[]string{"a/b", id}, exitcode.Usage, []string{"provider name"}},
		"no id":            {[]string{provider}, exitcode.Usage, []string{"needs one PROVIDER and one ID"}},
		"a deleted secret": {[]string{deleted, deletedID}, exitcode.NotFound, []string{"deleted"}},
	} {
		t.Run(name, func(t *testing.T) {
			vk(t, "", append([]string{"abort"}, tc.args...)...).want(t, tc.code, tc.says...)
		})
	}
	holds(t, provider, after)
}

func TestAbortUndetermined(t *testing.T) {
	t.Parallel()
	provider, key, id := undecided(t)
	through := proxy(t, faultproxy.OnEvery("PUT", commits, faultproxy.Hang()))
	r := vkBare(t.Context(), t, "", append(through, "abort", provider, id, "--timeout", "2s")...)
	r.want(t, exitcode.Undetermined, "can still be applied", "vaultkit abort "+provider+" "+id+" --address http")
	vk(t, "", "abort", provider, id).shows(t, "never be applied")
	holds(t, provider, key)
}

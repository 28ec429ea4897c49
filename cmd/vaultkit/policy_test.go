package main

import (
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// policy needs neither a Vault nor a login.
func TestPolicy(t *testing.T) {
	t.Parallel()
	for _, role := range policy.Roles() {
		want := vaulttest.Policy(t, "../../", string(role))
		vkBare(t.Context(), t, "", "policy", string(role)).prints(t, want)
	}
	r := vkBare(t.Context(), t, "", "policy", "reader", "--provider", "p-1", "--provider", "p-2")
	r.shows(t, `"secret/data/goblin-assistant/providers/p-1"`, `"secret/data/goblin-assistant/providers/p-2"`)
	if strings.Contains(r.out, "+") {
		t.Errorf("vaultkit policy reader --provider prints %q, want no other provider allowed", r.out)
	}
}

func TestPolicyJSON(t *testing.T) {
	t.Parallel()
	out := vkBare(t.Context(), t, "", "policy", "monitor", "--json").ok(t)
	type answer struct{ Role, Policy string }
	if got := decode[answer](t, out, true); got != (answer{"monitor", vaulttest.Policy(t, "../../", "monitor")}) {
		t.Errorf("vaultkit policy --json = %+v, want %+v", got, (answer{"monitor", vaulttest.Policy(t, "../../", "monitor")}))
	}
	hasKeys(t, "vaultkit policy --json", decode[map[string]any](t, out, true), "policy role")
}

func TestPolicyMountAndBase(t *testing.T) {
	t.Setenv("VAULTKIT_MOUNT", "from/environment")
	t.Setenv("VAULTKIT_BASE", "base/from/environment")
	vkBare(t.Context(), t, "", "policy", "auditor").shows(t, `"from/environment/data/base/from/environment/rotations/+/+"`)
	vkBare(t.Context(), t, "", "policy", "auditor", "--mount", "m", "--base", "b").shows(t, `"m/data/b/rotations/+/+"`)
}

func TestPolicyRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no role":             {nil, "Usage: vaultkit policy ROLE"},
		"two roles":           {[]string{"reader", "rotator"}, "Usage: vaultkit policy ROLE"},
		"no such role":        {[]string{canary}, "the role is none of reader, monitor"},
		"a wildcard":          {[]string{"reader", "--provider", "*"}, `provider name "*"`},
		"an empty name":       {[]string{"reader", "--provider", ""}, "provider name is empty"},
		"a mount outside":     {[]string{"reader", "--mount", "../sys"}, "mount"},
		"a base path outside": {[]string{"reader", "--base", "a//b"}, "base path"},
		"no such login":       {[]string{"reader", "--auth", "ldap"}, "--auth"},
	} {
		t.Run(name, func(t *testing.T) {
			r := vkBare(t.Context(), t, "", append([]string{"policy"}, tc.args...)...)
			r.want(t, exitcode.Usage, tc.says)
			if strings.Contains(r.out+r.err, canary) {
				t.Errorf("vaultkit %s prints %q, want no argument that may be a key in it", r.call, r.out+r.err)
			}
		})
	}
}

func TestPolicyCompletion(t *testing.T) {
	t.Parallel()
	offered := vkBare(t.Context(), t, "", "__complete", "policy", "")
	for _, role := range policy.Roles() {
		offered.shows(t, string(role)+"\tMay ")
		vkBare(t.Context(), t, "", "policy", "--help").shows(t, string(role)+" ")
	}
	if out := vkBare(t.Context(), t, "", "__complete", "policy", "reader", "").ok(t); strings.Contains(out, "rotator") {
		t.Errorf("completion of policy reader = %q, want no second role", out)
	}
}

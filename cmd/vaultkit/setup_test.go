package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/cmd/vaultkit/internal/command/setup"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// A second run sends no write, changes nothing, and says so.
func TestSetup_SecondRunChangesNothing(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	for name, args := range map[string][]string{
		"everything":   w.everything(),
		"narrowed":     {"--approle", "rotator", "--provider", "openai-gpt4", "--provider", "anthropic"},
		"elsewhere":    {"--approle", "reader", "--mount", "team/kv", "--base", "a/b", "--approle-path", "team/approle"},
		"policy alone": {"--policy", "janitor", "--policy", "auditor"},
		"gitlab": {"--gitlab", "goblin/sub/assistant", "--gitlab-id", "2002", "--gitlab-issuer", issuerURL, "--issuer-key", w.key,
			"--gitlab-free", "--ci-role", "rotator", "--branch", "release/1.x", "--environment", "the production"},
		"another issuer": {"--jwt", "auditor", "--issuer", issuerURL, "--issuer-key", w.key,
			"--issuer-key", file(t, newTokenIssuer(t).publicKey(t)), "--user-claim", "job", "--audience", "us",
			"--bound-claim", "project=goblin", "--bound-claim", "project=other", "--bound-claim", "team=a, b = c"},
	} {
		t.Run(name, func(t *testing.T) {
			first := w.setup(t, append(args, "--yes")...)
			first.shows(t, "create ", "Changes made: ")
			if len(w.writes()) == 0 {
				t.Fatalf("vaultkit %s sends no write, want some", first.call)
			}
			before := w.state(t)
			second := w.setup(t, args...)
			second.shows(t, "Nothing to change")
			if got := w.writes(); len(got) != 0 {
				t.Errorf("the second vaultkit %s writes to %q, want no write", second.call, got)
			}
			if strings.Contains(second.out, "create ") || strings.Contains(second.out, "restore ") {
				t.Errorf("the second vaultkit %s prints %q, want nothing to create or restore", second.call, second.out)
			}
			sameState(t, "after the second run", w.state(t), before)
		})
	}
}

// setup adds what is missing around the roles, and says so before.
func TestSetup_AddsMounts(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	w.setup(t, append(w.everything(), "--yes")...).shows(t,
		"create    KV mount secret", "create    auth mount approle", "create    auth mount kubernetes", "create    auth mount jwt-github",
		"create    config of the auth mount jwt-github", "create    audit header X-Correlation-Id")
	mounts, err := w.root.Sys().ListMountsWithContext(t.Context())
	if err != nil || mounts["secret/"] == nil || mounts["secret/"].Options["version"] != "2" {
		t.Errorf("ListMountsWithContext = %v, %v, want a KV version 2 mount secret/", mounts, err)
	}
	// No role is there before its policy.
	lastPolicy, firstRole := 0, 0
	for i, path := range w.writes() {
		if strings.HasPrefix(path, "sys/policies/") {
			lastPolicy = i
		}
		if firstRole == 0 && strings.Contains(path, "/role/") {
			firstRole = i
		}
	}
	if lastPolicy == 0 || firstRole < lastPolicy {
		t.Errorf("vaultkit setup writes to %q, want all policies before the first role", w.writes())
	}
	if got := w.read(t, headerPath); got == nil {
		t.Errorf("%s = nothing, want the audit header", headerPath)
	}
}

// Without --yes and a terminal to ask on, nothing is changed.
func TestSetup_RefusesWithoutAYes(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	before := w.state(t)
	w.setup(t, w.everything()...).want(t, exitcode.Usage, "nothing was changed", "--yes", "--dry-run")
	w.setup(t, append(w.everything(), "--json")...).want(t, exitcode.Usage, "nothing was changed")
	sameState(t, "after a refused run", w.state(t), before)
}

// A policy or a role that differs is shown as a diff, and restored.
func TestSetup_RestoresWhatDrifted(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	w.setup(t, append(w.everything(), "--yes")...).ok(t)
	want := w.state(t)
	for name, drift := range map[string]struct {
		path  string
		data  map[string]any
		shows []string
	}{
		"a policy": {"sys/policies/acl/vaultkit-rotator",
			map[string]any{"policy": "path \"secret/*\" {\n capabilities = [\"read\"] # \x1b[31m\n}"},
			[]string{"restore   policy vaultkit-rotator", `- path "secret/*" {`, `\x1b[31m`, `+   capabilities = ["deny"]`}},
		"an AppRole's policies": {"auth/approle/role/vaultkit-rotator", map[string]any{"token_policies": "vaultkit-rotator,\x1b[31madmin"},
			[]string{"restore   AppRole vaultkit-rotator", `\x1b[31madmin`, "+ token_policies: vaultkit-rotator\n"}},
		"an AppRole's tokens": {"auth/approle/role/vaultkit-reader",
			map[string]any{"token_ttl": "2h", "token_max_ttl": "0", "token_period": "48h", "token_num_uses": 7, "token_no_default_policy": false},
			[]string{"- token_ttl: 2h", "+ token_ttl: 10m", "- token_max_ttl: 0s", "+ token_max_ttl: 24h", "- token_period: 48h",
				"+ token_period: 0s", "- token_num_uses: 7", "+ token_no_default_policy: true"}},
		"an AppRole's secret ids": {"auth/approle/role/vaultkit-rotator", map[string]any{"secret_id_num_uses": 0},
			[]string{"- secret_id_num_uses: 0"}},
		"a batch token": {"auth/approle/role/vaultkit-rotator", map[string]any{"token_type": "batch"}, []string{"- token_type: batch"}},
		"a pod's account": {"auth/kubernetes/role/vaultkit-reader", map[string]any{"bound_service_account_names": "*", "audience": "other"},
			[]string{"restore   Kubernetes role vaultkit-reader", "- bound_service_account_names: *", "+ bound_service_account_names: fake-sa",
				"- audience: other"}},
		"a job's claims": {"auth/jwt-github/role/vaultkit-revoker",
			map[string]any{"role_type": "jwt", "bound_claims": map[string]any{"repository": "goblin/*"}, "bound_claims_type": "glob"},
			[]string{"restore   JWT role vaultkit-revoker", "- bound_claims: repository=goblin/*",
				"+ bound_claims: event_name=schedule, ref=refs/heads/main", "- bound_claims_type: glob"}},
		"a job's audience": {"auth/jwt-github/role/vaultkit-monitor",
			map[string]any{"role_type": "jwt", "bound_audiences": "a,b", "clock_skew_leeway": "1h"},
			[]string{"- bound_audiences: a, b", "+ bound_audiences: vault", "- clock_skew_leeway: 3600", "+ clock_skew_leeway: 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			w.write(t, drift.path, drift.data)
			w.setup(t, append(w.everything(), "--dry-run")...).shows(t, drift.shows...)
			if got := w.writes(); len(got) != 0 {
				t.Errorf("vaultkit setup --dry-run writes to %q, want no write", got)
			}
			w.setup(t, append(w.everything(), "--yes")...).shows(t, append(drift.shows, "Changes made: 1 of 1")...)
			if got := w.writes(); !slices.Equal(got, []string{drift.path}) {
				t.Errorf("vaultkit setup writes to %q, want %s alone", got, drift.path)
			}
			sameState(t, "after a restore", w.state(t), want)
		})
	}
}

// adminPolicy is the policy of an administrator, as far as setup needs it.
const adminPolicy = `
path "sys/mounts" { capabilities = ["read"] }
path "sys/mounts/*" { capabilities = ["update"] }
path "sys/auth" { capabilities = ["read"] }
path "sys/auth/*" { capabilities = ["update", "sudo"] }
path "sys/policies/acl/*" { capabilities = ["read", "update"] }
path "sys/config/auditing/request-headers/*" { capabilities = ["read", "update", "sudo"] }
path "auth/+/config" { capabilities = ["read", "update"] }
path "auth/+/role/*" { capabilities = ["create", "read", "update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
path "sys/capabilities-self" { capabilities = ["update"] }
`

// as returns a world whose connection flags have a token with this policy.
func (w *setupWorld) as(t testing.TB, text string) *setupWorld {
	t.Helper()
	other := *w
	other.flags = []string{"--address", w.proxy.URL(), "--token-file", file(t, vaulttest.TokenAt(t, w.root, text))}
	return &other
}

// Each right that the token lacks is named, with its path, before anything is written.
func TestSetup_NamesMissingRights(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	rights, _, _ := strings.Cut(adminPolicy, `path "auth/token`)
	for name, missing := range map[string]struct{ old, without, says string }{
		"mounts":      {`"sys/mounts" { capabilities = ["read"]`, `"sys/mounts" { capabilities = ["list"]`, "read on sys/mounts"},
		"auth mounts": {`"sys/auth" { capabilities = ["read"]`, `"sys/auth" { capabilities = ["list"]`, "read on sys/auth"},
		"a new mount": {`"sys/mounts/*" { capabilities = ["update"]`, `"sys/mounts/*" { capabilities = ["read"]`, "update on sys/mounts/secret"},
		"sudo": {`["update", "sudo"] }` + "\npath \"sys/pol", `["update"] }` + "\npath \"sys/pol",
			"sudo on sys/auth/approle, sudo on sys/auth/jwt-github"},
		"policies":      {`acl/*" { capabilities = ["read", "update"]`, `acl/*" { capabilities = ["read"]`, "update on sys/policies/acl/vaultkit-monitor"},
		"no policies":   {`acl/*" { capabilities = ["read", "update"]`, `acl/*" { capabilities = ["list"]`, "read on sys/policies/acl/vaultkit-monitor"},
		"the header":    {`["read", "update", "sudo"]`, `["update"]`, "read and sudo on " + headerPath},
		"a config":      {`config" { capabilities = ["read", "update"]`, `config" { capabilities = ["read"]`, "update on auth/jwt-github/config"},
		"a role":        {`["create", "read", "update"]`, `["read", "update"]`, "create on auth/approle/role/vaultkit-rotator"},
		"a secret id":   {`["create", "read", "update"]`, `["create", "read"]`, "update on auth/approle/role/vaultkit-rotator/secret-id"},
		"to know them":  {`"sys/capabilities-self"`, `"sys/other"`, "sys/capabilities-self"},
		"all but these": {rights, "", "read on auth/approle/role/vaultkit-reader, read on auth/"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(adminPolicy, missing.old) {
				t.Fatalf("the administrator's policy has no %q, want it", missing.old)
			}
			before := w.state(t)
			poor := w.as(t, strings.Replace(adminPolicy, missing.old, missing.without, 1))
			created := w.state(t) // with the test's own policy
			r := poor.setup(t, append(w.everything(), "--yes")...)
			r.want(t, exitcode.Denied, missing.says)
			if got := w.writes(); len(got) != 0 {
				t.Errorf("vaultkit setup writes to %q, want no write", got)
			}
			sameState(t, "after a refused run", w.state(t), created)
			if len(created) != len(before)+1 {
				t.Fatalf("the test changed %d paths, want 1", len(created)-len(before))
			}
		})
	}
	w.as(t, adminPolicy).setup(t, append(w.everything(), "--yes")...).shows(t, "Changes made: ")
}

// A failure in the middle names what was done and what was not. Running it again finishes.
func TestSetup_FinishesAfterAFailure(t *testing.T) {
	t.Parallel()
	all := []string{"sys/mounts/secret", headerPath, "sys/policies/acl/vaultkit-reader", "sys/policies/acl/vaultkit-rotator",
		"auth/approle", "auth/approle/role/vaultkit-rotator", "auth/kubernetes/config", "auth/kubernetes/role/vaultkit-reader",
		"auth/approle/role/vaultkit-rotator/secret-id"}
	for i, path := range all {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			w := newSetupWorld(t)
			args := append(w.pods("reader=fake-ns/fake-sa"), "--approle", "rotator", "--yes")
			action := faultproxy.Error(http.StatusInternalServerError, `{"errors":["a fault"]}`, false)
			if i%2 == 1 {
				action = faultproxy.Lose() // applied
			}
			once := false
			w.proxy.SetRule(faultproxy.When(func(r faultproxy.Request) bool {
				hit := !once && r.Method != http.MethodGet && strings.HasSuffix(r.Path, path)
				once = once || hit
				return hit
			}, action))
			r := w.setup(t, args...)
			r.exits(t, exitcode.Unavailable, "setup stopped at the ", "To finish, run the same command again with --new-secret-id.")
			if i > 0 && !strings.Contains(r.err, "; done: KV mount secret") || path != all[len(all)-1] && !strings.Contains(r.err, "; not done: ") {
				t.Errorf("vaultkit %s: stderr = %q, want what was done and what was not", r.call, r.err)
			}
			w.proxy.SetRule(nil)
			w.setup(t, append(args, "--new-secret-id")...).shows(t, "VAULTKIT_WRAPPED_SECRET_ID=")
			w.setup(t, args...).shows(t, "Nothing to change")
			for _, want := range all[2:8] {
				if want != "auth/approle" && w.read(t, want) == nil {
					t.Errorf("after the second run %s is missing, want it", want)
				}
			}
		})
	}
}

// Where Vault refuses a config, setup says what may be missing.
func TestSetup_ExplainsARefusedConfig(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	writesConfig := func(r faultproxy.Request) bool {
		return r.Method == http.MethodPut && strings.HasSuffix(r.Path, "/config")
	}
	w.proxy.SetRule(faultproxy.When(writesConfig, faultproxy.Error(http.StatusBadRequest, `{"errors":["refused"]}`, false)))
	w.setup(t, append(w.github(), "--yes")...).exits(t, exitcode.Failure, "the config of the auth mount jwt-github", "check the files of --issuer-key",
		"To finish, correct the flags and run the command again.")
	w.setup(t, append(w.pods("reader=a/b"), "--yes")...).exits(t, exitcode.Failure, "the config of the auth mount kubernetes", "give --kubernetes-ca")
}

// A Vault outside the cluster says that it has no CA, although its text looks like the request.
func TestSetup_ShowsThatVaultHasNoCAOfTheCluster(t *testing.T) {
	t.Parallel()
	short.RealOnly(t, "a Vault that looks for the CA of its pod")
	newSetupWorld(t).setup(t, "--kubernetes", "reader=a/b", "--yes").exits(t, exitcode.Failure,
		"serviceaccount/ca.crt: no such file or directory", "give --kubernetes-ca")
}

// A secret id is made for a new AppRole, or when it is asked for, and always wrapped.
func TestSetup_PrintsWrappedSecretIDsOnly(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	made := w.setup(t, "--approle", "rotator", "--yes", "--json", "--wrap-ttl", "10m").ok(t)
	first := decode[setup.Result](t, made, true)
	w.setup(t, "--approle", "rotator", "--yes").shows(t, "Nothing to change")
	again := decode[setup.Result](t, w.setup(t, "--approle", "rotator", "--yes", "--json", "--new-secret-id").ok(t), true)
	if len(first.Credentials) != 1 || len(again.Credentials) != 1 || first.Credentials[0].RoleID != again.Credentials[0].RoleID ||
		first.Credentials[0].WrappedSecretID == again.Credentials[0].WrappedSecretID || !first.Changed {
		t.Fatalf("vaultkit setup --json = %+v and %+v, want a new wrapped secret id each time", first, again)
	}
	got := first.Credentials[0]
	wrapped, err := w.root.Logical().UnwrapWithContext(t.Context(), got.WrappedSecretID)
	if err != nil || strings.Contains(made, fmt.Sprint(wrapped.Data["secret_id"])) || wrapped.Data["secret_id"] == nil {
		t.Errorf("UnwrapWithContext = %v, %v, want a secret id that was not printed", wrapped, err)
	}
	if left := got.ExpiresAt.Sub(w.now(t)); left > 10*time.Minute+time.Second || left < 9*time.Minute {
		t.Errorf("the wrapping token expires in %s, want ten minutes", left)
	}
}

// What is there stays as it is: setup says what differs, or refuses what it cannot use.
func TestSetup_LeavesExistingMounts(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	mount := func(path, version string) {
		input := &api.MountInput{Type: "kv", Options: map[string]string{"version": version}}
		if err := w.root.Sys().MountWithContext(t.Context(), path, input); err != nil {
			t.Fatalf("MountWithContext(%s) = %v, want no error", path, err)
		}
	}
	enable := func(path, kind string) {
		if err := w.root.Sys().EnableAuthWithOptionsWithContext(t.Context(), path, &api.EnableAuthOptions{Type: kind}); err != nil {
			t.Fatalf("EnableAuthWithOptionsWithContext(%s) = %v, want no error", path, err)
		}
	}
	mount("one", "1")
	mount("team/kv", "2")
	enable("other", "kubernetes")
	enable("jwt-github", "jwt")
	enable("kubernetes", "kubernetes")
	w.write(t, headerPath, map[string]any{"hmac": true})
	w.write(t, "auth/jwt-github/config", map[string]any{
		"bound_issuer": "https://other.example.invalid", "jwt_validation_pubkeys": w.issuer.publicKey(t),
	})
	config := w.cluster.Config()
	delete(config, "token_reviewer_jwt")
	w.write(t, "auth/kubernetes/config", config)
	before := w.state(t)
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no CA": {[]string{"--kubernetes", "reader=a/b", "--kubernetes-path", "empty", "--kubernetes-ca", w.key}, exitcode.Usage,
			"has a PEM block that is no CERTIFICATE"},
		"KV version 1":  {[]string{"--policy", "reader", "--mount", "one"}, exitcode.Failure, "the mount is KV version 1: at one;"},
		"below a mount": {[]string{"--policy", "reader", "--mount", "one/two"}, exitcode.Usage, "there is one at one/"},
		"above a mount": {[]string{"--policy", "reader", "--mount", "team"}, exitcode.Usage, "there is one at team/kv/"},
		"another method": {[]string{"--approle", "reader", "--approle-path", "other"}, exitcode.Usage,
			"of type kubernetes, not approle: at sys/auth/other; name another path with --approle-path"},
		"another issuer": {w.github(), exitcode.Usage,
			"is for the issuer https://other.example.invalid, not " + issuerURL + ": at auth/jwt-github/config; name another path with --github-path"},
		"below a method":    {[]string{"--approle", "reader", "--approle-path", "other/one"}, exitcode.Usage, "there is one at other/"},
		"the token's mount": {[]string{"--approle", "reader", "--approle-path", "token"}, exitcode.Usage, "--approle-path"},
	} {
		t.Run(name, func(t *testing.T) {
			w.setup(t, append(tc.args, "--yes")...).want(t, tc.code, tc.says)
			sameState(t, "after a refused run", w.state(t), before)
		})
	}
	w.setup(t, "--policy", "monitor", "--yes", "--mount", "team/kv").shows(t,
		"as it is  audit header X-Correlation-Id", "note: the audit log shows it as a hash")
	w.setup(t, append(w.pods("reader=a/b"), "--kubernetes-reviewer-jwt", file(t, w.cluster.JWT("canary-reviewer", true)), "--mount", "team/kv",
		"--dry-run")...).shows(t, "as it is  config of the auth mount kubernetes", "note: it has no reviewer token")
	for _, path := range []string{"auth/kubernetes/config", "auth/jwt-github/config", "sys/mounts", "sys/config/auditing/request-headers"} {
		if got := w.state(t)[path]; got != before[path] {
			t.Errorf("%s = %s, want it unchanged: %s", path, got, before[path])
		}
	}
}

// In a namespace, the audit header is left alone: the audit log belongs to the root namespace.
func TestSetup_InANamespace(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	r := w.setup(t, "--approle", "rotator", "--namespace", "team", "--dry-run")
	r.shows(t, "export VAULT_NAMESPACE=team")
	if strings.Contains(r.out, "X-Correlation-Id") {
		t.Errorf("vaultkit %s prints %q, want no audit header", r.call, r.out)
	}
	w.setup(t, "--approle", "rotator", "--no-audit-header", "--yes").ok(t)
	if got := w.writes(); slices.Contains(got, headerPath) {
		t.Errorf("vaultkit setup --no-audit-header writes to %q, want not the header", got)
	}
}

// The policies are those that vaultkit policy prints.
func TestSetup_StoresThePoliciesOfTheRoles(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	var args []string
	for _, role := range policy.Roles() {
		args = append(args, "--policy", string(role))
	}
	w.setup(t, append(args, "--yes")...).ok(t)
	for _, role := range policy.Roles() {
		if got := w.read(t, "sys/policies/acl/vaultkit-"+string(role))["policy"]; got != vaulttest.Policy(t, "../../", string(role)) {
			t.Errorf("the policy vaultkit-%s = %q, want the one in testdata/policies", role, got)
		}
	}
}

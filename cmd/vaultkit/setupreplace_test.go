package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulttest"
)

// jobs are the flags for the jobs of a repository on GitHub.
func (w *setupWorld) jobs(repository, number string) []string {
	return []string{"--github", repository, "--github-id", number, "--github-issuer", issuerURL, "--issuer-key", w.key, "--ci-role", "revoker"}
}

// A role that lets somebody else in is not taken away from them, unless --replace-role says so.
func TestSetup_LeavesTheRolesOfOthers(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	another := func(claims ...string) []string {
		args := []string{"--jwt", "reader", "--issuer", issuerURL, "--issuer-key", w.key}
		for _, one := range claims {
			args = append(args, "--bound-claim", one)
		}
		return args
	}
	project := func(path, number string) []string {
		return []string{"--gitlab", path, "--gitlab-id", number, "--gitlab-issuer", issuerURL, "--issuer-key", w.key, "--ci-role", "revoker"}
	}
	const github = "auth/jwt-github/role/vaultkit-revoker"
	for _, tc := range []struct {
		name         string
		first, other []string
		byHand       map[string]any // written to the role of GitHub's jobs in place of first
		says, by     string
	}{
		{"a repository", w.jobs("goblin/assistant", "1001"), w.jobs("goblin/other", "1002"), nil,
			"the JWT role vaultkit-revoker is for jobs with the claims repository=goblin/assistant, repository_id=1001: at ", "--github-path"},
		{"a repository of the same name", w.jobs("goblin/assistant", "1001"), w.jobs("goblin/assistant", "1002"), nil,
			"jobs with the claims repository=goblin/assistant, repository_id=1001: at ", "--github-path"},
		{"a number that is no text", nil, w.jobs("goblin/assistant", "1002"), map[string]any{"repository_id": 1001},
			"jobs with the claims repository_id=1001: at ", "--github-path"},
		{"a repository's name alone", nil, w.jobs("goblin/other", "1002"), map[string]any{"repository": "goblin/assistant"},
			"jobs with the claims repository=goblin/assistant: at ", "--github-path"},
		{"one of two repositories", nil, w.jobs("goblin/other", "1002"), map[string]any{"repository_id": []string{"1001", "1002"}},
			"jobs with the claims repository_id=1001|1002: at ", "--github-path"},
		{"other claims", nil, w.jobs("goblin/other", "1002"), map[string]any{"team": "goblin"}, "jobs with the claims team=goblin: at ", "--github-path"},
		{"a wildcard", nil, w.jobs("goblin/other", "1002"), map[string]any{"repository": "team/*"}, "jobs with the claims repository=team/*: at ", "--github-path"},
		{"a wildcard for any number", nil, w.jobs("goblin/other", "1002"), map[string]any{"repository_id": "*", "repository": "goblin/assistant"},
			"jobs with the claims repository=goblin/assistant, repository_id=*: at ", "--github-path"},
		{"a project", project("goblin/assistant", "2002"), project("goblin/other", "2003"), nil,
			"jobs with the claims project_id=2002, project_path=goblin/assistant: at ", "--gitlab-path"},
		{"another issuer's jobs", another("project=a"), another("project=b"), nil, "jobs with the claims project=a: at ", "--jwt-path"},
		{"another claim", another("project=a"), another("project=a", "team=b"), nil, "jobs with the claims project=a: at ", "--jwt-path"},
		{"a claim that goes", another("project=a", "team=b"), another("project=a"), nil, "jobs with the claims project=a, team=b: at ", "--jwt-path"},
		{"pods of a namespace", w.pods("reader=goblin/assistant"), w.pods("reader=other/assistant"), nil,
			"the Kubernetes role vaultkit-reader is for the pods of assistant in goblin: at ", "--kubernetes-path"},
		{"pods of an account", w.pods("reader=goblin/one", "reader=goblin/two"), w.pods("reader=goblin/two"), nil,
			"the pods of one, two in goblin: at ", "--kubernetes-path"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.first == nil {
				w.setup(t, append(w.jobs("goblin/assistant", "1001"), "--replace-role", "--yes")...).ok(t)
				kind := "string"
				if strings.Contains(tc.name, "wildcard") {
					kind = "glob"
				}
				w.write(t, github, map[string]any{"role_type": "jwt", "bound_claims_type": kind, "bound_claims": tc.byHand})
			} else {
				w.setup(t, append(tc.first, "--replace-role", "--yes")...).ok(t)
			}
			before := w.state(t)
			for _, flag := range []string{"--yes", "--dry-run"} {
				w.setup(t, append(tc.other, flag)...).want(t, exitcode.Usage, tc.says, "name another path with "+tc.by, "--replace-role")
			}
			sameState(t, "after a refused run", w.state(t), before)
			w.setup(t, append(tc.other, "--replace-role", "--yes")...).shows(t, "replace   ", "Changes made: 1 of 1", "To log in as vaultkit-")
			w.setup(t, tc.other...).shows(t, "Nothing to change")
		})
	}
}

// Who a role lets in may be in other settings than its claims or accounts.
func TestSetup_LeavesTheRolesOfOthersByTheirOtherSettings(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	jobs := w.jobs("goblin/assistant", "1001")
	w.setup(t, append(jobs, "--yes")...).ok(t)
	const path = "auth/jwt-github/role/vaultkit-revoker"
	for says, settings := range map[string]map[string]any{
		"jobs with the claims sub=repo:team/x:ref:refs/heads/main": {"role_type": "jwt", "bound_claims": map[string]any{},
			"bound_subject": "repo:team/x:ref:refs/heads/main"},
		"jobs with the audience team": {"role_type": "jwt", "bound_claims": map[string]any{}, "bound_audiences": "team"},
	} {
		w.setup(t, append(jobs, "--replace-role", "--yes")...).ok(t)
		w.write(t, path, settings)
		before := w.state(t)
		w.setup(t, append(jobs, "--yes")...).want(t, exitcode.Usage, "the JWT role vaultkit-revoker is for "+says+": at ")
		sameState(t, "after a refused run", w.state(t), before)
	}
	w.setup(t, append(jobs, "--replace-role", "--yes")...).ok(t)
	w.write(t, path, map[string]any{"role_type": "jwt", "bound_subject": "repo:goblin/assistant"})
	w.setup(t, append(jobs, "--yes")...).shows(t, "restore   JWT role", "- bound_subject: repo:goblin/assistant")
}

// A role of the same repository, project or pods is restored: nobody loses it.
func TestSetup_RestoresTheRolesOfTheSameJobsAndPods(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	for name, tc := range map[string]struct{ before, after []string }{
		"a renamed repository": {w.jobs("goblin/assistant", "1001"), w.jobs("goblin/renamed", "1001")},
		"another branch":       {w.jobs("goblin/renamed", "1001"), append(w.jobs("goblin/renamed", "1001"), "--branch", "release")},
		"one more value": {[]string{"--jwt", "reader", "--issuer", issuerURL, "--issuer-key", w.key, "--bound-claim", "project=a"},
			[]string{"--jwt", "reader", "--issuer", issuerURL, "--issuer-key", w.key, "--bound-claim", "project=a", "--bound-claim", "project=b"}},
		"one more account": {w.pods("reader=goblin/one"), w.pods("reader=goblin/one", "reader=goblin/two")},
	} {
		t.Run(name, func(t *testing.T) {
			w.setup(t, append(tc.before, "--replace-role", "--yes")...).ok(t)
			w.setup(t, append(tc.after, "--yes")...).shows(t, "restore   ", "Changes made: 1 of 1")
		})
	}
}

// An auth mount for another cluster or issuer stays as it is, and no role is made on it, unless
// --replace-config says so. Then it keeps what no flag names.
func TestSetup_LeavesTheConfigsOfOthers(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	for path, kind := range map[string]string{"kubernetes": "kubernetes", "jwt-github": "jwt"} {
		if err := w.root.Sys().EnableAuthWithOptionsWithContext(t.Context(), path, &api.EnableAuthOptions{Type: kind}); err != nil {
			t.Fatalf("EnableAuthWithOptionsWithContext(%s) = %v, want no error", path, err)
		}
	}
	otherCA := w.cluster.Config()["kubernetes_ca_cert"].(string) + w.cluster.Config()["kubernetes_ca_cert"].(string)
	pods, jobs := w.pods("monitor=goblin/status"), w.jobs("goblin/assistant", "1001")
	for _, tc := range []struct {
		name, path  string
		config      map[string]any
		args        []string
		says, shown string
	}{
		{"another cluster", "auth/kubernetes/config",
			map[string]any{"kubernetes_host": "https://theirs.example.invalid", "kubernetes_ca_cert": otherCA, "issuer": "them",
				"disable_iss_validation": false},
			pods, "the auth mount kubernetes asks the API server https://theirs.example.invalid, not " + w.cluster.URL,
			"- kubernetes_host: https://theirs.example.invalid"},
		{"another CA", "auth/kubernetes/config",
			map[string]any{"kubernetes_host": w.cluster.URL, "kubernetes_ca_cert": otherCA, "issuer": "them"},
			pods, "the auth mount kubernetes has another CA than " + w.ca, "+ kubernetes_ca_cert: from the file " + w.ca},
		{"another issuer", "auth/jwt-github/config",
			map[string]any{"bound_issuer": "https://theirs.example.invalid", "jwt_validation_pubkeys": readAll(t, w.key), "default_role": "them"},
			jobs, "is for the issuer https://theirs.example.invalid, not " + issuerURL, "- bound_issuer: https://theirs.example.invalid"},
		{"other keys", "auth/jwt-github/config",
			map[string]any{"bound_issuer": issuerURL, "jwt_validation_pubkeys": newTokenIssuer(t).publicKey(t), "jwt_supported_algs": "ES256"},
			jobs, "has other keys of the issuer", "- jwt_validation_pubkeys: another value\n            + jwt_validation_pubkeys: from the file " + w.key},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.write(t, tc.path, tc.config)
			before := w.state(t)
			w.setup(t, append(tc.args, "--yes")...).want(t, exitcode.Usage, tc.says, "--replace-config")
			sameState(t, "after a refused run", w.state(t), before)
			args := slices.Concat(tc.args, []string{"--replace-config"})
			w.setup(t, append(args, "--yes")...).shows(t, "replace   config of the auth mount", tc.shown,
				"note: all roles of this auth mount depend on its config")
			w.setup(t, args...).shows(t, "Nothing to change")
			got := w.read(t, tc.path)
			for _, kept := range []string{"issuer", "default_role"} {
				if want := tc.config[kept]; want != nil && got[kept] != want {
					t.Errorf("after --replace-config %s of %s = %v, want it kept: %v", kept, tc.path, got[kept], want)
				}
			}
			if tc.config["disable_iss_validation"] == false && got["disable_iss_validation"] != false {
				t.Errorf("after --replace-config disable_iss_validation = %v, want it kept: false", got["disable_iss_validation"])
			}
		})
	}
}

// Without --kubernetes-host, a role is for the cluster of the mount that is there, and a note says
// which one it is.
func TestSetup_TakesTheClusterOfAnExistingMount(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	w.setup(t, append(w.pods("reader=goblin/assistant"), "--yes")...).ok(t)
	before := w.state(t)["auth/kubernetes/config"]
	w.setup(t, "--kubernetes", "monitor=goblin/status", "--yes").shows(t, "as it is  config of the auth mount kubernetes",
		"note: it asks the API server "+w.cluster.URL, "create    Kubernetes role vaultkit-monitor")
	if got := w.state(t)["auth/kubernetes/config"]; got != before {
		t.Errorf("auth/kubernetes/config = %s, want it unchanged: %s", got, before)
	}
}

// Vault writes a config as a whole and does not show its secrets: setup does not lose them.
func TestSetup_KeepsTheSecretsOfAConfig(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	first, second := file(t, w.cluster.JWT("canary-first", true)), file(t, w.cluster.JWT("canary-second", true))
	pods := w.pods("reader=goblin/assistant")
	w.setup(t, append(pods, "--kubernetes-reviewer-jwt", first, "--yes")...).ok(t)
	config := w.cluster.Config()
	config["kubernetes_host"], config["token_reviewer_jwt"] = "https://theirs.example.invalid", readAll(t, first)
	w.write(t, "auth/kubernetes/config", config)
	before := w.state(t)
	w.setup(t, append(pods, "--replace-config", "--yes")...).want(t, exitcode.Usage, "would lose", "--kubernetes-reviewer-jwt")
	sameState(t, "after a refused run", w.state(t), before)

	args := slices.Concat(pods, []string{"--kubernetes-reviewer-jwt", second, "--replace-config", "--yes"})
	for range 2 { // Vault does not show whether it has this token
		r := w.setup(t, args...)
		r.shows(t, "+ token_reviewer_jwt: from the file "+second)
		if secret := readAll(t, second); strings.Contains(r.out+r.err, secret) {
			t.Errorf("vaultkit %s prints the reviewer token, want it hidden", r.call)
		}
	}
	if got := w.read(t, "auth/kubernetes/config"); got["token_reviewer_jwt_set"] != true || got["kubernetes_host"] != w.cluster.URL {
		t.Errorf("auth/kubernetes/config = %v, want the cluster of the flags, and a reviewer token", got)
	}
	w.setup(t, pods...).shows(t, "Nothing to change")
}

// Whoever has the keys of an auth mount can sign any claims. If the mount does not ask the issuer for
// them, and no flag names them, no role is made.
func TestSetup_RefusesKeysOfNobodyKnown(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	if err := w.root.Sys().EnableAuthWithOptionsWithContext(t.Context(), "jwt-github", &api.EnableAuthOptions{Type: "jwt"}); err != nil {
		t.Fatalf("EnableAuthWithOptionsWithContext = %v, want no error", err)
	}
	for _, issuer := range []string{"", issuerURL} {
		w.write(t, "auth/jwt-github/config", map[string]any{"bound_issuer": issuer, "jwt_validation_pubkeys": newTokenIssuer(t).publicKey(t)})
		before := w.state(t)
		w.setup(t, "--github", "goblin/assistant", "--github-id", "1001", "--github-issuer", issuerURL, "--yes").want(t, exitcode.Usage,
			"has keys that are not from "+issuerURL, "--github-path", "--replace-config")
		sameState(t, "after a refused run", w.state(t), before)
	}
	w.write(t, "auth/jwt-github/config", map[string]any{"jwt_validation_pubkeys": readAll(t, w.key)})
	w.setup(t, append(w.jobs("goblin/assistant", "1001"), "--dry-run")...).shows(t, "note: it does not check who issued a token")
}

// A setting of a config that setup cannot write is not lost, and not printed.
func TestSetup_RefusesAConfigThatItCannotWrite(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	if err := w.root.Sys().EnableAuthWithOptionsWithContext(t.Context(), "jwt-github", &api.EnableAuthOptions{Type: "jwt"}); err != nil {
		t.Fatalf("EnableAuthWithOptionsWithContext = %v, want no error", err)
	}
	for _, value := range []string{"a\x1b[31m\nb", "-", `\@a`} {
		w.write(t, "auth/jwt-github/config", map[string]any{"bound_issuer": "https://theirs.example.invalid",
			"jwt_validation_pubkeys": readAll(t, w.key), "default_role": value})
		w.setup(t, append(w.jobs("goblin/assistant", "1001"), "--replace-config", "--yes")...).want(t, exitcode.Usage,
			"Vault would lose the setting default_role")
	}
	w.proxy.SetRule(faultproxy.When(func(r faultproxy.Request) bool { return r.Path == "auth/jwt-github/config" },
		faultproxy.Rewrite(func(_ int, body []byte) []byte {
			return []byte(strings.Replace(string(body), `"data":{`, `"data":{"of_a_later_version":true,`, 1))
		})))
	w.write(t, "auth/jwt-github/config", map[string]any{"bound_issuer": "https://theirs.example.invalid", "jwt_validation_pubkeys": readAll(t, w.key)})
	w.setup(t, append(w.jobs("goblin/assistant", "1001"), "--replace-config", "--yes")...).want(t, exitcode.Usage,
		"Vault would lose the setting of_a_later_version")
}

// Vault shows the CA and the keys of an auth mount: a private key must not get there.
func TestSetup_RefusesAPrivateKeyInAFile(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	const private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	both := file(t, readAll(t, w.ca)+private)
	w.setup(t, "--kubernetes", "reader=a/b", "--kubernetes-ca", both, "--yes").want(t, exitcode.Usage, "has a PEM block that is no CERTIFICATE")
	for says, path := range map[string]string{
		"has a PEM block that is no PUBLIC KEY": file(t, readAll(t, w.key)+private),
		"has 2 keys":                            file(t, readAll(t, w.key)+newTokenIssuer(t).publicKey(t)),
	} {
		w.setup(t, "--jwt", "reader", "--issuer", issuerURL, "--bound-claim", "a=b", "--issuer-key", path, "--yes").want(t, exitcode.Usage, says)
	}
	if got := w.writes(); len(got) != 0 {
		t.Errorf("vaultkit setup writes to %q, want no write", got)
	}
	twice := []string{"--jwt", "reader", "--issuer", issuerURL, "--bound-claim", "a=b", "--issuer-key", w.key, "--issuer-key", w.key}
	w.setup(t, append(twice, "--yes")...).ok(t)
	w.setup(t, twice...).shows(t, "Nothing to change")
}

// Vault has one source of keys: with the keys of the flags, it forgets the other one. A mount with
// which people log in stays as it is.
func TestSetup_ReplacesTheSourceOfKeys(t *testing.T) {
	t.Parallel()
	short.RealOnly(t, "asks an issuer for its keys")
	w, issuer := newSetupWorld(t), vaulttest.NewIssuer()
	t.Cleanup(issuer.Close)
	if err := w.root.Sys().EnableAuthWithOptionsWithContext(t.Context(), "jwt-github", &api.EnableAuthOptions{Type: "jwt"}); err != nil {
		t.Fatalf("EnableAuthWithOptionsWithContext = %v, want no error", err)
	}
	args := append(w.jobs("goblin/assistant", "1001"), "--replace-config", "--yes")
	people := issuer.DiscoveryConfig()
	people["oidc_client_id"], people["oidc_client_secret"] = "them", "canary-secret"
	w.write(t, "auth/jwt-github/config", people)
	w.setup(t, args...).want(t, exitcode.Usage, "people log in with the auth mount jwt-github", "--github-path")

	w.write(t, "auth/jwt-github/config", issuer.JWKSConfig())
	if r := w.setup(t, append(args, "--dry-run")...); strings.Contains(r.ok(t), "jwks_url=") {
		t.Errorf("vaultkit %s prints %q, want no command that writes jwks_url", r.call, r.out)
	}
	w.setup(t, args...).shows(t, "replace   config of the auth mount jwt-github", "- jwks_url: "+issuer.URL,
		"+ jwt_validation_pubkeys: from the file "+w.key)
	if got := w.read(t, "auth/jwt-github/config"); got["jwks_url"] != "" || got["bound_issuer"] != issuerURL {
		t.Errorf("after --replace-config auth/jwt-github/config = %v, want the keys and the issuer of the flags", got)
	}
	w.setup(t, w.jobs("goblin/assistant", "1001")...).shows(t, "Nothing to change")

	// From the issuer itself they are the right ones. Another CA for the issuer is another config.
	fromIssuer := []string{"--github", "goblin/assistant", "--github-id", "1001", "--github-issuer", issuer.URL, "--ci-role", "revoker"}
	w.write(t, "auth/jwt-github/config", issuer.JWKSConfig())
	w.setup(t, append(fromIssuer, "--dry-run")...).shows(t, "note: it gets the issuer's keys from "+issuer.URL+"/jwks")
	w.write(t, "auth/jwt-github/config", map[string]any{"jwks_url": issuer.URL + "/jwks"})
	w.setup(t, append(fromIssuer, "--yes")...).want(t, exitcode.Usage, "has keys that are not from")
	discovery := issuer.DiscoveryConfig()
	discovery["oidc_discovery_ca_pem"] = readAll(t, w.ca)
	w.write(t, "auth/jwt-github/config", discovery)
	w.setup(t, append(fromIssuer, "--dry-run", "--issuer-ca", w.ca)...).shows(t, "as it is  config of the auth mount jwt-github")
	other := file(t, readAll(t, w.ca)+readAll(t, w.ca))
	w.setup(t, append(fromIssuer, "--dry-run", "--issuer-ca", other)...).want(t, exitcode.Usage, "has another CA than "+other)
	w.setup(t, append(fromIssuer, "--yes", "--issuer-ca", other, "--replace-config")...).shows(t, "+ oidc_discovery_ca_pem: from the file "+other)
	w.setup(t, append(fromIssuer, "--issuer-ca", other)...).shows(t, "Nothing to change")
}

// Vault's settings for people and for labels of namespaces say whom a role lets in, too.
func TestSetup_LeavesTheRolesOfPeopleAndOfLabelledNamespaces(t *testing.T) {
	t.Parallel()
	short.RealOnly(t, "roles for people, and for namespaces by their labels")
	w := newSetupWorld(t)
	jobs, pods := w.jobs("goblin/assistant", "1001"), w.pods("reader=goblin/assistant")
	w.setup(t, slices.Concat(jobs, pods, []string{"--yes"})...).ok(t)
	w.write(t, "auth/jwt-github/role/vaultkit-revoker", map[string]any{"role_type": "oidc", "user_claim": "sub", "bound_claims": map[string]any{},
		"allowed_redirect_uris": "https://vault.example.invalid/callback"})
	w.write(t, "auth/kubernetes/role/vaultkit-reader", map[string]any{"bound_service_account_names": "assistant",
		"bound_service_account_namespaces": "", "bound_service_account_namespace_selector": `{"matchLabels":{"team":"b"}}`})
	before := w.state(t)
	w.setup(t, append(jobs, "--yes")...).want(t, exitcode.Usage, "the JWT role vaultkit-revoker is for people, who log in with OIDC")
	w.setup(t, append(pods, "--yes")...).want(t, exitcode.Usage, `the pods of assistant in the namespaces {"matchLabels":{"team":"b"}}`)
	sameState(t, "after a refused run", w.state(t), before)
	w.setup(t, slices.Concat(jobs, pods, []string{"--replace-role", "--yes"})...).shows(t, "Changes made: 2 of 2")
}

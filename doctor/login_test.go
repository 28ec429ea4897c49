package doctor_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// roleOf creates an AppRole with a reader's policy and returns its role id and a secret id, wrapped
// on request.
func roleOf(t *testing.T, settings object, wrapped bool) (roleID, secretID vaultkit.Credential, name string) {
	t.Helper()
	root, name := vaulttest.Root(t), vaulttest.Name(t)
	if err := root.Sys().PutPolicyWithContext(t.Context(), name, vaulttest.Policy(t, "../", "reader")); err != nil {
		t.Fatalf("PutPolicyWithContext = %v, want no error", err)
	}
	role := object{"token_policies": name, "token_no_default_policy": true}
	for key, value := range settings {
		role[key] = value
	}
	vaulttest.Write(t, root, "auth/approle/role/"+name, role)
	id, err := root.Logical().ReadWithContext(t.Context(), "auth/approle/role/"+name+"/role-id")
	if err != nil {
		t.Fatalf("ReadWithContext = %v, want no error", err)
	}
	if wrapped {
		root.SetWrappingLookupFunc(func(string, string) string { return "5m" })
	}
	secret, err := root.Logical().WriteWithContext(t.Context(), "auth/approle/role/"+name+"/secret-id", nil)
	if err != nil {
		t.Fatalf("WriteWithContext = %v, want no error", err)
	}
	roleID = vaultkit.FromString(id.Data["role_id"].(string))
	if wrapped {
		return roleID, vaultkit.FromString(secret.WrapInfo.Token).Wrapped(), name
	}
	return roleID, vaultkit.FromString(secret.Data["secret_id"].(string)), name
}

func byRole(roleID, secretID vaultkit.Credential, mount string) vaultkit.Option {
	return vaultkit.WithAppRole(vaultkit.AppRole{RoleID: roleID, SecretID: secretID, Mount: mount})
}

// withHelper returns a diagnosis whose token is the Vault CLI's, which keeps it with a helper.
func withHelper(token string) func(*testing.T) diagnosis {
	helper := settings.WithTokenInPlaceOfCLIToken("token helper /fake", func(context.Context) (string, error) { return token, nil })
	return func(*testing.T) diagnosis { return diagnosis{bare: true, opts: []vaultkit.Option{helper}} }
}

func TestDiagnoseLogin(t *testing.T) {
	roleID, secretID, _ := roleOf(t, nil, false)
	jwt := filepath.Join(t.TempDir(), "jwt")
	vaulttest.WriteFile(t, jwt, clienttest.Marker)
	token := filepath.Join(t.TempDir(), "token")
	vaulttest.WriteFile(t, token, clienttest.Marker)
	wrong := vaultkit.FromString(clienttest.Marker)
	problems{
		"unknown token": {withOptions(vaultkit.WithToken(wrong)),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "; an admin runs the fix",
				"vault token create -orphan -no-default-policy -period=24h -policy=vaultkit-reader"}},
		"unknown token in a file": {withOptions(vaultkit.WithToken(vaultkit.FromFile(token))),
			expected{"login", fails, vaultkit.ErrUnauthenticated, token,
				"(umask 077; vault token create -field=token -orphan -no-default-policy -period=24h -policy=vaultkit-reader >" +
					token + ".new && mv " + token + ".new " + token + ")"}},
		"unknown token in a variable": {withOptions(variables("VAULT_TOKEN=" + clienttest.Marker)),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "VAULT_TOKEN",
				`new="$(vault token create -field=token -orphan -no-default-policy -period=24h -policy=vaultkit-reader)" && export VAULT_TOKEN="$new"`}},
		"a token helper's unknown token": {withHelper(clienttest.Marker),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "token helper /fake", "vault login"}},
		"a token helper without a token": {withHelper(""),
			expected{"credentials", fails, vaultkit.ErrInvalid, "token helper /fake", "vault login"}},
		"wrong secret id": {withOptions(byRole(roleID, wrong, "")),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "invalid role or secret ID",
				"vaultkit setup --approle ROLE --new-secret-id"}},
		"no such auth mount": {withOptions(byRole(roleID, secretID, "nowhere")),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "auth/nowhere", "vaultkit setup --approle ROLE --new-secret-id --approle-path nowhere"}},
		"wrong secret id in a variable": {withOptions(variables("VAULT_ROLE_ID=fake", "VAULT_SECRET_ID="+clienttest.Marker)),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "secret id from environment VAULT_SECRET_ID",
				"vaultkit setup --approle ROLE --new-secret-id"}},
		"wrong wrapping token in a variable": {withOptions(variables("VAULT_ROLE_ID=fake", "VAULTKIT_WRAPPED_SECRET_ID="+clienttest.Marker)),
			expected{"login", fails, vaultkit.ErrWrappingToken, "stolen", "vaultkit setup --approle ROLE --new-secret-id"}},
		"wrong wrapping": {withOptions(byRole(roleID, wrong.Wrapped(), "")),
			expected{"login", fails, vaultkit.ErrWrappingToken, "stolen", "vaultkit setup --approle ROLE --new-secret-id"}},
		"no Kubernetes role": {withOptions(vaultkit.WithKubernetes(vaultkit.Kubernetes{Role: "nobody", JWTFile: jwt})),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "auth/kubernetes", "vault read auth/kubernetes/role/nobody"}},
	}.check(t)
	found := withOptions(byRole(roleID, secretID, ""))(t).findings(t)
	expected{"token", fine, nil, "renewable", ""}.compare(t, found)
	expected{"rights:rotator", skips, nil, "not what this token is for", "vaultkit doctor --role rotator"}.compare(t, found)
}

// A wrapping token can be used once. Diagnose does not use it up, unless Query.Unwrap is set.
func TestDiagnose_DoesNotUseUpAWrappingToken(t *testing.T) {
	roleID, secretID, _ := roleOf(t, nil, true)
	problem := diagnosis{opts: []vaultkit.Option{byRole(roleID, secretID, "")}}
	for range 2 {
		found := problem.findings(t)
		expected{"login", skips, nil, "the wrapping token is good; a login uses it up", ""}.compare(t, found)
		if fix := found["login"].Fix; fix != "" {
			t.Errorf("with a good wrapping token, Diagnose yielded the fix %q, want none", fix)
		}
		expected{"token", skips, nil, "would use up the wrapping token", ""}.compare(t, found)
	}
	problem.query.Unwrap = true
	expected{"token", fine, nil, "service token", ""}.compare(t, problem.findings(t))
	used := "the wrapping token was used before or has expired; if nobody in your team used it, treat the secret id as stolen"
	for _, problem.query.Unwrap = range []bool{true, false} {
		problem.query.Roles = nil
		found := problem.findings(t)["login"]
		if found.Detail != used+"; an admin runs it" || found.Fix != "vaultkit setup --approle ROLE --new-secret-id" || !found.LookOnly {
			t.Errorf("with a used wrapping token, Diagnose yielded %+v, want the detail %q and a placeholder", found, used)
		}
		problem.query.Roles = []policy.Role{policy.Rotator}
		found = problem.findings(t)["login"]
		if found.Detail != used+"; an admin runs the fix" || found.Fix != "vaultkit setup --approle rotator --new-secret-id --yes" || found.LookOnly {
			t.Errorf("with a used wrapping token of a rotator, Diagnose yielded %+v, want the detail %q and a fix", found, used)
		}
	}
}

// tokenWith creates the token of a request.
func tokenWith(t *testing.T, request api.TokenCreateRequest) vaultkit.Credential {
	t.Helper()
	return vaultkit.FromString(rawToken(t, request))
}

func rawToken(t *testing.T, request api.TokenCreateRequest) string {
	t.Helper()
	secret, err := vaulttest.Root(t).Auth().Token().CreateOrphanWithContext(t.Context(), &request)
	if err != nil {
		t.Fatalf("CreateOrphanWithContext = %v, want no error", err)
	}
	return secret.Auth.ClientToken
}

func TestDiagnoseToken(t *testing.T) {
	ours := strings.ToLower(vaulttest.Name(t)) + "-reader"
	if err := vaulttest.Root(t).Sys().PutPolicyWithContext(t.Context(), ours, vaulttest.Policy(t, "../", "reader")); err != nil {
		t.Fatalf("PutPolicyWithContext = %v, want no error", err)
	}
	no := false
	is := func(request api.TokenCreateRequest) func(t *testing.T) diagnosis {
		return func(t *testing.T) diagnosis {
			if request.Policies == nil {
				request.Policies = []string{ours}
			}
			return diagnosis{opts: []vaultkit.Option{vaultkit.WithToken(tokenWith(t, request))}}
		}
	}
	roleID, secretID, name := roleOf(t, object{"token_num_uses": 20}, false)
	problems{
		"root": {withOptions(), expected{"token", warns, nil, "root",
			"vaultkit setup --policy reader --yes && " +
				"vault token create -orphan -no-default-policy -period=24h -policy=vaultkit-reader"}},
		"about to end": {is(api.TokenCreateRequest{TTL: "50s", Renewable: &no}),
			expected{"token", warns, nil, "the token ends soon", "vault token create -orphan -period=24h -policy=" + ours}},
		"ending, with no policy": {is(api.TokenCreateRequest{TTL: "50s", Renewable: &no, Policies: []string{"default"}}),
			expected{"token", warns, nil, "policies default", "vault token create -orphan -no-default-policy -period=24h -policy=vaultkit-reader"}},
		"about to end for good": {is(api.TokenCreateRequest{TTL: "10s", ExplicitMaxTTL: "50s"}),
			expected{"token", warns, nil, "renewable up to 50s in all", "vault token create"}},
		"with uses": {is(api.TokenCreateRequest{TTL: "1h", NumUses: 9}),
			expected{"token", warns, nil, "has 7 uses left", "vault token create"}},
		"a role's with uses": {withOptions(byRole(roleID, secretID, "")),
			expected{"token", warns, nil, "uses left", "vault write auth/approle/role/" + strings.ToLower(name) + " token_num_uses=0"}},
		"not even itself": {is(api.TokenCreateRequest{TTL: "1h", NoDefaultPolicy: true, Policies: []string{"none"}}),
			expected{"token", warns, nil, "may not look itself up", "vaultkit policy reader"}},
		"ending, without the default policy": {is(api.TokenCreateRequest{TTL: "50s", Renewable: &no, NoDefaultPolicy: true}),
			expected{"token", warns, nil, "; an admin runs the fix", "vault token create -orphan -no-default-policy -period=24h -policy=" + ours}},
		"batch": {is(api.TokenCreateRequest{TTL: "1h", Type: "batch"}),
			expected{"token", fine, nil, "not renewable; policies default, " + ours, ""}},
		"short":    {is(api.TokenCreateRequest{TTL: "10m", Renewable: &no}), expected{"token", fine, nil, "not renewable", ""}},
		"periodic": {is(api.TokenCreateRequest{Period: "30s"}), expected{"token", fine, nil, "renewable for 30s at a time", ""}},
	}.check(t)
	expected{"mount", skips, nil, "each look would use up the token", ""}.compare(t, is(api.TokenCreateRequest{NumUses: 5})(t).findings(t))
}

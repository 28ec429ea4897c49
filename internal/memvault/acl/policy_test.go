package acl

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// Each text is either accepted by both, or refused by both with the same error.
func TestParse_HasVaultsErrors(t *testing.T) {
	v := newVault(t)
	for _, text := range policyTexts {
		got := ""
		if _, err := Parse("p", text); err != nil {
			got = err.Error()
		}
		want := strings.Join(v.send("", "PUT", "sys/policies/acl/texts", map[string]any{"policy": text}).Errors, "; ")
		if got != want {
			t.Errorf("Parse(%q) = %q, want %q", text, got, want)
		}
	}
}

var policyTexts = []string{
	`path "a" { capabilities = ["read"] }`,
	`path "a" { capabilities = ["raed"] }`,
	`path "a" { capabilities = ["read"`,
	`path "a" { capabilities = "read" }`,
	`path "a" { capabilities = [1] }`,
	`path "a" { capabilities = [["read"]] }`,
	`path "a" { capabilities = [true] }`,
	`path "a" { capabilities = [] }`,
	`path "a" { }`,
	`path "a" { capability = ["read"] }`,
	`path "a" { capability = ["read"] nonsense = 1 }`,
	`paths "a" { capabilities = ["read"] }`,
	`path "a" { policy = "read" }`,
	`path "a" { policy = "raed" }`,
	`path "a" { policy = 7 }`,
	`path "a" { policy = ["read"] }`,
	`path "a" { policy = "deny" capabilities = ["nonsense"] }`,
	`path "a" { policy = "read" capabilities = ["delete"] }`,
	`path "a" { capabilities = ["deny", "nonsense"] }`,
	`path "a" { capabilities = ["nonsense", "deny"] }`,
	`path "a+*" { capabilities = ["read"] }`,
	`path "/a/+*" { capabilities = ["read"] }`,
	`path "a/+/b*" { capabilities = ["read"] }`,
	`path "a/{{x" { capabilities = ["read"] }`,
	`path "a/x}}" { capabilities = ["read"] }`,
	`path "a/}}{{" { capabilities = ["read"] }`,
	`path "identity/{{identity.entity.id}}" { capabilities = ["read"] }`,
	`path "a" { capabilities = ["read"] } path "a" { capabilities = ["list"] }`,
	`path "a" { capabilities = ["read"] capabilities = ["list"] }`,
	`name = "x"`,
	`name = ["x"]`,
	`name = 7`,
	`name = true`,
	`name = {}`,
	`path = "a"`,
	`path = ["a"]`,
	`path = {}`,
	`path {}`,
	`path { capabilities = ["read"] }`,
	`path "a" "b" { capabilities = ["read"] }`,
	`path a { capabilities = ["read"] }`,
	`path "a" = { capabilities = ["read"] }`,
	`path "a" = 5`,
	`path "a" { comment = "why" capabilities = ["read"] }`,
	`path "a" { capabilities = ["read"] min_wrapping_ttl = "1m" max_wrapping_ttl = 60 }`,
	`path "a" { capabilities = ["read"] min_wrapping_ttl = "2m" max_wrapping_ttl = "60" }`,
	`path "a" { capabilities = ["deny"] min_wrapping_ttl = "2m" max_wrapping_ttl = "60" }`,
	`path "a" { capabilities = ["read"] min_wrapping_ttl = "soon" }`,
	`path "a" { capabilities = ["read"] max_wrapping_ttl = "1x" }`,
	`path "a" { capabilities = ["read"] max_wrapping_ttl = "xd" }`,
	`path "a" { capabilities = ["read"] max_wrapping_ttl = "2d" }`,
	`path "a" { capabilities = ["read"] max_wrapping_ttl = [1] }`,
	`path "a" { capabilities = ["read"] max_wrapping_ttl = 1.5 }`,
	`path "a" { capabilities = ["read"] max_wrapping_ttl = true }`,
	`path "a" { capabilities = ["read"] allowed_parameters = { "x" = [] "Y" = ["1", 2, true, "z*"] } }`,
	`path "a" { capabilities = ["read"] allowed_parameters = { "x" = "y" } }`,
	`path "a" { capabilities = ["read"] allowed_parameters = ["x"] }`,
	`path "a" { capabilities = ["read"] denied_parameters { "x" = [] } }`,
	`path "a" { capabilities = ["read"] required_parameters = ["x", "Y"] }`,
	`path "a" { capabilities = ["read"] required_parameters = "x" }`,
	`{"path": {"a": {"capabilities": ["read", "list"]}}}`,
	`{"path": {"a": {"capabilities": ["nonsense"]}}}`,
	`{"path": {"a": {"nonsense": ["read"]}}}`,
	`{"path": {"a": {"policy": "write"}, "b": {"capabilities": ["read"], "allowed_parameters": {"x": ["y"]}}}}`,
	`{"path": [{"a": {"capabilities": ["read"]}}]}`,
	`{"path": {"a": `,
	`{"path": 5}`,
	`[]`,
	`5`,
	`# a comment only`,
	"path \"a\" {\n  capabilities = [\"read\"],\n}\n",
	"path \"a\" {\n\n  capabilities = [\"read\"]\n",
	"path 'a' { capabilities = [\"read\"] }",
	"// a\n/* b */ path \"a\" { capabilities = [\"read\", ] }",
}

func TestParse_RefusesByNameWhatItDoesNotHonour(t *testing.T) {
	for text, name := range map[string]string{
		`path "a" { capabilities = ["read"] mfa_methods = ["m"] }`:                        "mfa_methods",
		`path "a" { capabilities = ["read"] subscribe_event_types = ["*"] }`:              "subscribe_event_types",
		`path "a" { capabilities = ["read"] control_group = { factor "x" {} } }`:          "control_group",
		`path "a" { capabilities = ["read", "subscribe"] }`:                               "the capability subscribe",
		`path "a" { capabilities = ["recover"] }`:                                         "the capability recover",
		`path "secret/{{identity.entity.name}}" { capabilities = ["read"] }`:              "a template",
		`{"path": {"a": {"capabilities": ["read"], "control_group": {"ttl": "1h"}}}}`:     "control_group",
		`path "a" { capabilities = ["read"] } path "{{time.now}}" { policy = "read" }`:    "a template",
		`path "a" { capabilities = ["read"] } path "b" { mfa_methods = [] policy="read"}`: "mfa_methods",
	} {
		if _, err := Parse("p", text); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "support "+name+";") {
			t.Errorf("Parse(%q) = %v, want ErrUnsupported that names %s", text, err, name)
		}
	}
}

func TestNeedsSudo(t *testing.T) {
	v := newVault(t)
	policy := map[string]any{"policy": `path "*" { capabilities = ["create", "read", "update", "delete", "list", "patch"] }`}
	v.must("PUT", "sys/policies/acl/no-sudo", policy)
	token := v.must("POST", "auth/token/create", map[string]any{"policies": []string{"no-sudo"}}).Auth.ClientToken
	for path, method := range map[string]string{
		"sys/auth": "GET", "sys/auth/approle": "GET", "sys/auth/approle/tune": "GET", "sys/mounts": "GET", "sys/mounts/secret/tune": "GET",
		"sys/audit": "GET", "sys/audit/x": "PUT", "sys/policies/acl/no-sudo": "GET", "auth/token/accessors": "LIST",
		"auth/token/accessors/": "LIST", "auth/token/accessors/x": "GET", "auth/token/revoke-orphan": "POST", "sys/remount": "POST",
		"sys/leases/lookup": "PUT", "sys/leases/lookup/x": "LIST", "sys/config/cors": "GET", "sys/raw/x": "GET",
		"sys/leases/revoke-prefix/x": "PUT", "sys/rotate/config": "GET", "sys/plugins/catalog": "GET", "sys/plugins/catalog/auth": "LIST",
		"auth/token/lookup-accessor": "POST", "sys/config/auditing/request-headers": "GET", "sys/key-status": "GET",
	} {
		want := v.send(token, method, path, nil).status == 403
		checked := path
		if method == "LIST" && !strings.HasSuffix(path, "/") {
			checked += "/"
		}
		if got := NeedsSudo(checked); got != want {
			t.Errorf("NeedsSudo(%q) = %t, want %t as Vault answers %s", path, got, want, method)
		}
	}
}

func TestDefaultPolicy_GrantsWhatVaultsGrants(t *testing.T) {
	v := newVault(t)
	for name, ours := range map[string]string{"default": DefaultText, "response-wrapping": WrappingText} {
		theirs, _ := v.must("GET", "sys/policies/acl/"+name, nil).Data["policy"].(string)
		if got, want := rulesOnly(ours), rulesOnly(theirs); got != want {
			t.Errorf("the policy %s has the rules\n%s\nwant\n%s", name, got, want)
		}
		if _, err := Parse(name, ours); err != nil {
			t.Errorf("Parse(%s) = %v, want success", name, err)
		}
	}
}

// rulesOnly removes comments and empty lines.
func rulesOnly(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// The policies that vaultkit generates are accepted.
func TestParse_GeneratedPolicies(t *testing.T) {
	for _, role := range []string{"reader", "monitor", "provisioner", "rotator", "recoverer", "revoker", "janitor", "auditor"} {
		text, err := os.ReadFile("../../../testdata/policies/" + role + ".hcl")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(role, string(text)); err != nil {
			t.Errorf("Parse(%s) = %v, want success", role, err)
		}
	}
}

package authtest_test

import (
	"fmt"
	"strings"
	"testing"

	"goblin/vaultkit/internal/memvault/authtest"
)

// step is a request with the token of the row's policy, or with the root token, and what it gets.
type step struct {
	root   bool
	method string
	path   string // below the row's own directory
	body   fields
	status int
	text   string // in the response
}

// data is the body of a write with a check-and-set parameter.
func data(cas int) fields {
	return fields{"data": fields{"k": "v"}, "options": fields{"cas": cas}}
}

// policyFacts are the facts about policies that vaultkit relies on.
var policyFacts = []struct {
	fact, policy string // DIR is the row's own directory
	steps        []step
}{
	{"create without update is append-only for data, and cas=0 gets 403", `path "secret/data/DIR/*" { capabilities = ["create"] }`, []step{
		{false, "PUT", "data/DIR/a", data(0), 200, ""}, {false, "PUT", "data/DIR/a", data(0), 403, "permission denied"},
		{true, "DELETE", "data/DIR/a", nil, 204, ""}, {false, "PUT", "data/DIR/a", data(1), 403, "permission denied"},
		{true, "PUT", "destroy/DIR/a", fields{"versions": []int{1}}, 204, ""}, {false, "PUT", "data/DIR/a", data(1), 403, ""},
		{true, "DELETE", "metadata/DIR/a", nil, 204, ""}, {false, "PUT", "data/DIR/a", data(0), 200, `"version":1`},
	}},
	{"metadata alone makes a data write an update", `path "secret/data/DIR/*" { capabilities = ["create"] }`, []step{
		{true, "PUT", "metadata/DIR/a", fields{"max_versions": 3}, 204, ""}, {false, "PUT", "data/DIR/a", data(0), 403, ""},
	}},
	{"update alone cannot write an absent key", `path "secret/data/DIR/*" { capabilities = ["update"] }`, []step{
		{false, "PUT", "data/DIR/a", data(0), 403, ""}, {true, "PUT", "data/DIR/a", data(0), 200, ""}, {false, "PUT", "data/DIR/a", data(1), 200, ""},
	}},
	{"list on a directory, with or without its slash, grants LIST of it alone", `path "secret/metadata/DIR" { capabilities = ["list"] }
path "secret/metadata/DIR/b/" { capabilities = ["list"] }`, []step{
		{true, "PUT", "data/DIR/b/a", data(0), 200, ""}, {false, "LIST", "metadata/DIR", nil, 200, `"b/"`}, {false, "LIST", "metadata/DIR/b", nil, 200, `"a"`},
		{false, "LIST", "metadata/DIR/c", nil, 403, ""},
	}},
	{"allowed_parameters limits metadata to custom_metadata", `path "secret/metadata/DIR/*" {
  capabilities = ["patch", "update"]
  allowed_parameters = { "custom_metadata" = [] }
}`, []step{
		{true, "PUT", "data/DIR/a", data(0), 200, ""},
		{false, "PUT", "metadata/DIR/a", fields{"custom_metadata": fields{"tag": "x"}}, 204, ""},
		{false, "PATCH", "metadata/DIR/a", fields{"custom_metadata": fields{"tag": "y"}}, 204, ""},
		{false, "PATCH", "metadata/DIR/a", fields{"delete_version_after": "1s"}, 403, ""},
		{false, "PUT", "metadata/DIR/a", fields{"delete_version_after": "1s"}, 403, ""},
	}},
	{"without the default policy a token may do nothing for itself", `path "secret/data/DIR/*" { capabilities = ["read"] }`, []step{
		{false, "GET", "data/DIR/absent", nil, 404, `"errors":[]`}, {false, "GET", "data/elsewhere", nil, 403, "1 error occurred"},
		{false, "GET", "../auth/token/lookup-self", nil, 403, "1 error occurred"}, {false, "PUT", "../auth/token/renew-self", nil, 403, ""},
		{false, "PUT", "../sys/capabilities-self", fields{"paths": []string{"secret/x"}}, 403, ""}, {false, "PUT", "../auth/token/revoke-self", nil, 403, ""},
	}},
}

// The facts hold on both servers, which also answer alike.
func TestPolicyFacts_HoldOnBothServers(t *testing.T) {
	w := authtest.NewWorld(t)
	for i, row := range policyFacts {
		w.Reset()
		dir := fmt.Sprintf("facts-%d", i)
		policy := fields{"policy": strings.ReplaceAll(row.policy, "DIR", dir)}
		w.Compare(authtest.Call{Method: "PUT", Path: "sys/policies/acl/" + dir, Body: policy, Token: "token 0"})
		made := fields{"policies": []string{dir}, "no_default_policy": true, "ttl": "1h"}
		w.Compare(authtest.Call{Method: "POST", Path: "auth/token/create", Body: made, Token: "token 0"})
		for _, s := range row.steps {
			path := strings.ReplaceAll("secret/"+s.path, "DIR", dir)
			call := authtest.Call{Method: s.method, Path: strings.Replace(path, "secret/../", "", 1), Token: "token 1"}
			if s.body != nil {
				call.Body = s.body
			}
			if s.root {
				call.Token = "token 0"
			}
			ours, theirs := w.Compare(call)
			for server, answer := range map[string]authtest.Answer{"the in-process server": ours, "the real server": theirs} {
				if answer.Status != s.status || !strings.Contains(answer.String(), s.text) {
					t.Errorf("%s: %s %s on %s = %v, want %d with %q", row.fact, call.Method, call.Path, server, answer, s.status, s.text)
				}
			}
		}
	}
	// A token that is unknown is told from one without a right.
	_, theirs := w.Compare(authtest.Call{Method: "GET", Path: "secret/data/x", Token: "hvs.unknown"})
	if text := theirs.String(); theirs.Status != 403 || !strings.Contains(text, "2 errors occurred") || !strings.Contains(text, "invalid token") {
		t.Errorf("GET with an unknown token = %s, want 403 that names an invalid token", text)
	}
	w.Report()
}

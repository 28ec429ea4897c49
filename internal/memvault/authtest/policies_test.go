package authtest_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/memvault/authtest"
	"goblin/vaultkit/internal/vaulttest"
)

// roles are those of the policies that vaultkit generates.
var roles = []string{"reader", "monitor", "provisioner", "rotator", "recoverer", "revoker", "janitor", "auditor"}

// Random requests to KV, each with the token of a role: the same ones are allowed, and they
// have the same effect.
func TestGeneratedPolicies_AllowWhatVaultAllows(t *testing.T) {
	sequences := authtest.Sequences(80, 8000)
	w := authtest.NewWorld(t)
	for _, role := range roles {
		body := fields{"policy": vaulttest.Policy(t, "../../../", role)}
		w.Compare(authtest.Call{Method: "PUT", Path: "sys/policies/acl/role-" + role, Body: body}.Below(""))
	}
	for seed := range sequences {
		w.Reset()
		for _, role := range roles { // token 1 is the first role's
			body := fields{"policies": []string{"role-" + role}, "no_default_policy": true, "ttl": "1h"}
			w.Compare(authtest.Call{Method: "POST", Path: "auth/token/create", Body: body}.Below(""))
		}
		provider := fmt.Sprintf("policies-%d", seed)
		for _, one := range rapid.Custom(drawRequests).Example(seed) {
			w.Compare(one.call(provider))
			if t.Failed() {
				t.Fatalf("after, in sequence %d,\n%s", seed, w.Requests())
			}
		}
	}
	w.Report()
}

// request is a request to a path of a provider.
type request struct {
	token  int // 0 for the root token
	method string
	path   string // %s is the provider
	body   fields
}

var paths = []string{
	"data/goblin-assistant/providers/%s", "metadata/goblin-assistant/providers/%s",
	"data/goblin-assistant/backups/%s/id", "metadata/goblin-assistant/backups/%s/id",
	"data/goblin-assistant/rotations/%s/id", "metadata/goblin-assistant/rotations/%s/id",
	"data/goblin-assistant/revocations/%s/a-b", "data/goblin-assistant/revocations/%s/a/b", "metadata/goblin-assistant/revocations/%s/a/b",
	"metadata/goblin-assistant/backups/%s", "metadata/goblin-assistant/rotations/%s", "metadata/goblin-assistant/revocations/%s",
	"metadata/goblin-assistant/revocations/%s/a", "metadata/goblin-assistant/providers", "data/goblin-assistant/elsewhere/%s", "config",
	"delete/goblin-assistant/providers/%s", "undelete/goblin-assistant/providers/%s", "destroy/goblin-assistant/providers/%s",
}

var bodies = map[string][]fields{
	"data": {
		{"data": fields{"k": "v"}}, {"data": fields{"k": "w"}, "options": fields{"cas": 0}},
		{"data": fields{"k": 1}, "options": fields{"cas": 1}},
		{"data": fields{"k": nil}},
	},
	"metadata": {
		{"custom_metadata": fields{"a": "b"}}, {"custom_metadata": fields{"a": nil}}, {"custom_metadata": fields{}},
		{"delete_version_after": "1h"},
		{"custom_metadata": fields{"a": "b"}, "max_versions": 2}, {"Custom_Metadata": fields{"a": "b"}}, {},
	},
	"versions": {{"versions": []int{1}}, {"versions": []int{1, 2}}},
}

func drawRequests(t *rapid.T) []request {
	// Most requests want something to be there.
	list := []request{
		{0, "POST", paths[0], bodies["data"][0]}, {0, "POST", paths[2], bodies["data"][0]}, {0, "POST", paths[3], bodies["metadata"][0]},
	}
	return append(list, rapid.SliceOfN(rapid.Custom(drawRequest), 30, 30).Draw(t, "requests")...)
}

func drawRequest(t *rapid.T) request {
	r := request{token: rapid.IntRange(0, len(roles)).Draw(t, "token"), path: rapid.SampledFrom(paths).Draw(t, "path")}
	kind := "versions"
	switch {
	case r.path[:4] == "data":
		kind = "data"
	case r.path[:8] == "metadata":
		kind = "metadata"
	}
	methods := []string{"GET", "POST", "POST", "PATCH", "DELETE", "LIST"}
	if kind == "versions" {
		methods = []string{"GET", "POST", "POST"}
	}
	r.method = rapid.SampledFrom(methods).Draw(t, "method")
	if r.method == "DELETE" && r.token == 0 && rapid.Bool().Draw(t, "rather not") {
		r.method = "GET" // so that there is something for the others
	}
	if r.method == "POST" || r.method == "PATCH" {
		r.body = rapid.SampledFrom(bodies[kind]).Draw(t, "body")
	}
	return r
}

func (r request) call(provider string) authtest.Call {
	path := r.path
	if n := len(path); n > 2 && path != "config" && path != "metadata/goblin-assistant/providers" {
		path = fmt.Sprintf(path, provider)
	}
	c := authtest.Call{Token: fmt.Sprint("token ", r.token), Method: r.method, Path: "secret/" + path}
	if r.body != nil {
		c.Body = r.body
	}
	if r.path == "config" && r.token == 0 && r.method != "GET" {
		c.Method, c.Body = "GET", nil // the mount belongs to other tests too
	}
	return c
}

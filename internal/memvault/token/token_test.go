package token_test

import (
	"testing"

	"goblin/vaultkit/internal/memvault/authtest"
)

// Each request in its order, against both servers.
func TestTokens_AnswerAsVaultDoes(t *testing.T) {
	w := newWorld(t, "")
	for _, c := range tokenCalls {
		w.Compare(call(c.by, c.method, c.path, c.fields))
	}
	w.Report()
}

type request struct {
	by     int // the number of the token
	method string
	path   string
	fields map[string]any
}

type fields = map[string]any

// tokenCalls covers each endpoint and each refusal once. A comment is the number of the
// token that a request creates.
var tokenCalls = []request{
	{0, "GET", "auth/token/lookup-self", nil},
	{0, "POST", "auth/token/create",
		fields{"policies": []string{"maker"}, "ttl": "1h"}}, // 1
	{0, "POST", "auth/token/create",
		fields{"policies": []string{"admin"}, "ttl": "2h", "meta": fields{"a": "b"}, "display_name": "x y/z"}}, // 2
	{0, "POST", "auth/token/create",
		fields{"policies": []string{"plain"}, "no_default_policy": true, "num_uses": 2}}, // 3
	{0, "POST", "auth/token/create", nil}, // 4: root
	{0, "POST", "auth/token/create",
		fields{"ttl": "1h"}}, // 5: expiring root
	{0, "POST", "auth/token/create",
		fields{"type": "batch", "policies": []string{"plain"}, "ttl": 60}}, // 6
	{0, "POST", "auth/token/create",
		fields{"period": "10m", "policies": []string{"maker"}}}, // 7
	{0, "POST", "auth/token/create-orphan",
		fields{"policies": "maker", "explicit_max_ttl": "30m"}}, // 8
	{0, "POST", "auth/token/create",
		fields{"policies": []string{"maker"}, "no_parent": true, "ttl": "800h"}}, // 9
	{1, "POST", "auth/token/create",
		fields{}}, // 10
	{1, "POST", "auth/token/create", fields{"policies": []string{"plain"}}},
	{1, "POST", "auth/token/create", fields{"policies": []string{"maker"}, "no_parent": true}},
	{1, "POST", "auth/token/create", fields{"policies": []string{"maker"}, "period": "1h"}},
	{1, "POST", "auth/token/create", fields{"policies": []string{"root"}}},
	{1, "POST", "auth/token/create", fields{"id": "mine"}},
	{1, "POST", "auth/token/create-orphan", fields{"policies": []string{"maker"}, "no_default_policy": true}}, // 11
	{2, "POST", "auth/token/create", fields{"policies": []string{"root"}}},
	{2, "POST", "auth/token/create", fields{"policies": []string{"plain", "Maker ", ""}, "renewable": false}}, // 12
	{2, "POST", "auth/token/create", fields{"policies": []string{"response-wrapping"}}},
	{5, "POST", "auth/token/create", fields{}},
	{5, "POST", "auth/token/create", fields{"ttl": "30m"}}, // 13
	{6, "POST", "auth/token/create", fields{}},
	{6, "GET", "auth/token/lookup-self", nil},
	{3, "GET", "auth/token/lookup-self", nil},
	{3, "GET", "auth/token/lookup-self", nil},
	{3, "GET", "auth/token/lookup-self", nil},
	{0, "POST", "auth/token/create", fields{"num_uses": 1, "policies": []string{"maker"}}}, // 14
	{14, "GET", "auth/token/lookup-self", nil},
	{14, "GET", "auth/token/lookup-self", nil},
	{0, "POST", "auth/token/create", fields{"num_uses": 5, "policies": []string{"maker"}}}, // 15
	{15, "POST", "auth/token/create", fields{}},
	{0, "POST", "auth/token/create", fields{"num_uses": -1}},
	{0, "POST", "auth/token/create", fields{"type": "batch", "num_uses": 1}},
	{0, "POST", "auth/token/create", fields{"type": "batch", "period": "1h"}},
	{0, "POST", "auth/token/create", fields{"type": "batch", "explicit_max_ttl": "1h"}},
	{0, "POST", "auth/token/create", fields{"type": "batch", "explicit_max_ttl": "x"}},
	{0, "POST", "auth/token/create", fields{"type": "batch"}},
	{0, "POST", "auth/token/create", fields{"type": "other"}},
	{0, "POST", "auth/token/create", fields{"entity_alias": "x"}},
	{0, "POST", "auth/token/create", fields{"ttl": "x"}},
	{0, "POST", "auth/token/create", fields{"ttl": "-1s"}},
	{0, "POST", "auth/token/create", fields{"lease": "-1s"}},
	{0, "POST", "auth/token/create", fields{"period": "-1s"}},
	{0, "POST", "auth/token/create", fields{"explicit_max_ttl": "-1s"}},
	{0, "POST", "auth/token/create", fields{"id": "s.x"}},
	{0, "POST", "auth/token/create", fields{"id": "a.b"}},
	{0, "POST", "auth/token/create", fields{"id": "hvs.x"}},
	{0, "POST", "auth/token/create", fields{"id": "fixed-id", "policies": []string{"missing"}}}, // 16
	{0, "POST", "auth/token/create", fields{"id": "fixed-id"}},
	{0, "POST", "auth/token/create", fields{"num_uses": "x"}},
	{0, "POST", "auth/token/create", fields{"renewable": "x"}},
	{0, "POST", "auth/token/create", fields{"meta": "x"}},
	{0, "POST", "auth/token/create",
		fields{"meta": []string{"a=b"}, "unknown": 1}}, // 17
	{0, "POST", "auth/token/create",
		fields{"ttl": "1h", "explicit_max_ttl": "30m", "period": "800h", "policies": []string{"maker"}}}, // 18
	{0, "POST", "auth/token/create",
		fields{"ttl": "1h", "explicit_max_ttl": "30m", "policies": []string{"maker"}}}, // 19
	{0, "POST", "auth/token/create/role", fields{"ttl": "1h"}},
	{0, "LIST", "auth/token/roles", nil},
	{0, "GET", "auth/token/roles/x", nil},
	{0, "DELETE", "auth/token/roles/x", nil},
	{0, "POST", "auth/token/lookup", fields{"token": authtest.Ref("token 1")}},
	{0, "POST", "auth/token/lookup", fields{"token": authtest.Ref("token 4")}},
	{0, "POST", "auth/token/lookup", fields{"token": authtest.Ref("token 7")}},
	{0, "POST", "auth/token/lookup", fields{"token": "unknown"}},
	{0, "POST", "auth/token/lookup", fields{}},
	{0, "GET", "auth/token/lookup", nil},
	{1, "POST", "auth/token/lookup", fields{"token": authtest.Ref("token 10")}},
	{0, "POST", "auth/token/lookup-accessor", fields{"accessor": authtest.Ref("accessor 1")}},
	{0, "POST", "auth/token/lookup-accessor", fields{"accessor": "unknown"}},
	{0, "POST", "auth/token/lookup-accessor", fields{}},
	{0, "POST", "auth/token/renew", fields{"token": authtest.Ref("token 1")}},
	{0, "POST", "auth/token/renew", fields{"token": authtest.Ref("token 1"), "increment": "2h"}},
	{0, "POST", "auth/token/renew", fields{"token": authtest.Ref("token 1"), "increment": 7200000}},
	{0, "POST", "auth/token/renew", fields{"token": authtest.Ref("token 1"), "increment": -5}},
	{0, "POST", "auth/token/renew", fields{"token": authtest.Ref("token 1")}},
	{0, "POST", "auth/token/lookup", fields{"token": authtest.Ref("token 1")}},
	{0, "POST", "auth/token/renew", fields{"token": authtest.Ref("token 12")}},
	{0, "POST", "auth/token/renew", fields{"token": authtest.Ref("token 6")}},
	{0, "POST", "auth/token/renew", fields{"token": authtest.Ref("token 4")}},
	{0, "POST", "auth/token/renew", fields{"token": "unknown"}},
	{0, "POST", "auth/token/renew", fields{}},
	{0, "POST", "auth/token/renew-self", fields{}},
	{7, "POST", "auth/token/renew-self", fields{"increment": "1h"}},
	{8, "POST", "auth/token/renew-self", fields{"increment": "1h"}},
	{18, "POST", "auth/token/renew-self", nil},
	{6, "POST", "auth/token/renew-self", nil},
	{0, "POST", "auth/token/renew-accessor", fields{"accessor": authtest.Ref("accessor 7")}},
	{0, "POST", "auth/token/renew-accessor", fields{"accessor": "unknown"}},
	{0, "POST", "auth/token/renew-accessor", fields{}},
	{0, "POST", "auth/token/revoke-orphan", fields{"token": authtest.Ref("token 1")}},
	{0, "POST", "auth/token/lookup", fields{"token": authtest.Ref("token 10")}},
	{1, "GET", "auth/token/lookup-self", nil},
	{2, "POST", "auth/token/revoke-orphan", fields{"token": "unknown"}},
	{10, "POST", "auth/token/revoke-orphan", fields{"token": authtest.Ref("token 2")}},
	{0, "POST", "auth/token/revoke-orphan", fields{}},
	{0, "POST", "auth/token/revoke-orphan", fields{"token": authtest.Ref("token 6")}},
	{0, "POST", "auth/token/revoke", fields{"token": authtest.Ref("token 5")}},
	{13, "GET", "auth/token/lookup-self", nil},
	{0, "POST", "auth/token/revoke", fields{"token": "unknown"}},
	{0, "POST", "auth/token/revoke", fields{"token": authtest.Ref("token 6")}},
	{0, "POST", "auth/token/revoke", fields{}},
	{0, "POST", "auth/token/revoke-accessor", fields{"accessor": authtest.Ref("accessor 2")}},
	{12, "GET", "auth/token/lookup-self", nil},
	{0, "POST", "auth/token/revoke-accessor", fields{"accessor": "unknown"}},
	{0, "POST", "auth/token/revoke-accessor", fields{}},
	{8, "POST", "auth/token/revoke-self", nil},
	{8, "POST", "auth/token/revoke-self", nil},
	{9, "LIST", "auth/token/accessors", nil},
	{10, "GET", "auth/token/nothing", nil},
	{10, "GET", "auth/token/create", nil},
	{0, "GET", "auth/token/create", nil},
	{0, "GET", "auth/token/nothing", nil},
	{0, "POST", "sys/capabilities-self", fields{"path": "secret/data/x"}},
	{10, "POST", "sys/capabilities-self", fields{"paths": []string{"secret/data/x", "auth/token/create"}}},
	{10, "POST", "sys/capabilities-self", fields{"paths": "secret/data/x,a"}},
	{10, "POST", "sys/capabilities-self", fields{"paths": []string{}}},
	{10, "POST", "sys/capabilities-self", fields{"paths": []string{""}}},
	{10, "POST", "sys/capabilities-self", nil},
	{0, "POST", "sys/capabilities", fields{"token": authtest.Ref("token 10"), "paths": []string{"auth/token/create"}}},
	{0, "POST", "sys/capabilities", fields{"token": "unknown", "paths": []string{"a"}}},
	{0, "POST", "sys/capabilities", fields{"paths": []string{"a"}}},
	{0, "POST", "sys/capabilities-accessor", fields{"accessor": authtest.Ref("accessor 10"), "paths": []string{"auth/token/create"}}},
	{0, "POST", "sys/capabilities-accessor", fields{"accessor": "unknown", "paths": []string{"a"}}},
	{0, "POST", "sys/capabilities-accessor", fields{"paths": []string{"a"}}},
	{0, "GET", "sys/policies/acl/admin", nil},
	{0, "GET", "sys/policies/acl/root", nil},
	{0, "GET", "sys/policies/acl/missing", nil},
	{0, "PUT", "sys/policies/acl/UPPER", fields{"policy": `path "a" { policy = "read" }`}},
	{0, "GET", "sys/policies/acl/upper", nil},
	{0, "GET", "sys/policies/acl/Upper", nil},
	{0, "PUT", "sys/policies/acl/upper", fields{"policy": "cGF0aCAiYSIgeyBwb2xpY3kgPSAicmVhZCIgfQ=="}},
	{0, "GET", "sys/policies/acl/upper", nil},
	{0, "LIST", "sys/policies/acl", nil},
	{0, "PUT", "sys/policies/acl/upper", fields{"policy": ""}},
	{0, "PUT", "sys/policies/acl/upper", fields{"policy": "path"}},
	{0, "PUT", "sys/policies/acl/root", fields{"policy": `path "a" { policy = "read" }`}},
	{0, "PUT", "sys/policies/acl/response-wrapping", fields{"policy": `path "a" { policy = "read" }`}},
	{0, "DELETE", "sys/policies/acl/upper", nil},
	{0, "DELETE", "sys/policies/acl/upper", nil},
	{0, "DELETE", "sys/policies/acl/default", nil},
	{0, "DELETE", "sys/policies/acl/root", nil},
	{0, "DELETE", "sys/policies/acl/response-wrapping", nil},
}

package authtest_test

import (
	"testing"

	"goblin/vaultkit/internal/memvault/authtest"
)

type fields = map[string]any

// Each request in its order, against both servers.
func TestSysAuth_AnswersAsVaultDoes(t *testing.T) {
	w := authtest.NewWorld(t)
	for _, c := range authCalls {
		w.Compare(c.Below(""))
	}
	w.Report()
}

var authCalls = []authtest.Call{
	{Method: "GET", Path: "sys/auth"},
	{Method: "GET", Path: "sys/auth/approle"},
	{Method: "GET", Path: "sys/auth/missing"},
	{Method: "GET", Path: "sys/auth/token"},
	{Method: "POST", Path: "sys/auth/other", Body: fields{"type": "approle", "description": "another one"}},
	{Method: "GET", Path: "sys/auth/other"},
	{Method: "GET", Path: "sys/auth/other/tune"},
	{Method: "POST", Path: "sys/auth/other", Body: fields{"type": "approle"}},
	{Method: "POST", Path: "sys/auth/other/below", Body: fields{"type": "approle"}},
	{Method: "POST", Path: "sys/auth/approle", Body: fields{"type": "approle"}},
	{Method: "POST", Path: "sys/auth/token", Body: fields{"type": "approle"}},
	{Method: "POST", Path: "sys/auth/third", Body: fields{"type": "nonsense"}},
	{Method: "POST", Path: "sys/auth/third", Body: fields{}},
	{Method: "POST", Path: "sys/auth/third",
		Body: fields{"type": "approle", "config": fields{"default_lease_ttl": "10m", "max_lease_ttl": "1h"}}},
	{Method: "GET", Path: "sys/auth/third"},
	{Method: "GET", Path: "sys/auth/third/tune"},
	{Method: "POST", Path: "auth/third/role/r", Body: fields{"role_id": "r", "token_max_ttl": "2h"}},
	{Method: "POST", Path: "auth/third/role/r/custom-secret-id", Body: fields{"secret_id": "s"}},
	{Method: "POST", Path: "auth/third/login", Body: fields{"role_id": "r", "secret_id": "s"}}, // token 1
	{Method: "GET", Path: "auth/token/lookup-self", Token: "token 1"},
	{Method: "POST", Path: "sys/auth/third/tune", Body: fields{"default_lease_ttl": "5m", "max_lease_ttl": "2h", "description": "tuned"}},
	{Method: "GET", Path: "sys/auth/third/tune"},
	{Method: "POST", Path: "auth/token/renew-self", Token: "token 1", Body: fields{"increment": "90m"}},
	{Method: "POST", Path: "auth/third/login", Body: fields{"role_id": "r", "secret_id": "s"}}, // token 2
	{Method: "GET", Path: "auth/token/lookup-self", Token: "token 2"},
	{Method: "POST", Path: "sys/auth/missing/tune", Body: fields{"description": "tuned"}},
	{Method: "GET", Path: "sys/auth/missing/tune"},
	{Method: "DELETE", Path: "sys/auth/third"},
	{Method: "GET", Path: "auth/token/lookup-self", Token: "token 2"},
	{Method: "POST", Path: "auth/third/login", Body: fields{"role_id": "r", "secret_id": "s"}},
	{Method: "DELETE", Path: "sys/auth/third"},
	{Method: "DELETE", Path: "sys/auth/token"},
	{Method: "DELETE", Path: "sys/auth/other"},
	{Method: "PUT", Path: "sys/policies/acl/no-sudo",
		Body: fields{"policy": `path "*" { capabilities = ["create", "read", "update", "delete", "list"] }`}},
	{Method: "POST", Path: "auth/token/create", Body: fields{"policies": []string{"no-sudo"}, "ttl": "1h"}}, // token 3
	{Method: "POST", Path: "sys/auth/fourth", Token: "token 3", Body: fields{"type": "approle"}},
	{Method: "GET", Path: "sys/auth/approle", Token: "token 3"},
	{Method: "GET", Path: "sys/auth/approle/tune", Token: "token 3"},
	{Method: "POST", Path: "auth/token/create", Body: fields{"policies": []string{"default"}, "ttl": "1h"}}, // token 4
	{Method: "GET", Path: "sys/auth", Token: "token 4"},
	{Method: "GET", Path: "sys/internal/ui/mounts/secret", Token: "token 4"},
	{Method: "GET", Path: "sys/internal/ui/mounts/secret/x", Token: "token 3"},
	{Method: "GET", Path: "sys/internal/ui/mounts/missing/x", Token: "token 3"},
	{Method: "GET", Path: "sys/internal/ui/mounts/secret/x", Token: "unknown"},
	{Method: "GET", Path: "missing/x", Token: "token 3"},
	{Method: "GET", Path: "missing/x", Token: "token 4"},
	{Method: "GET", Path: "missing/x", Token: "unknown"},
	{Method: "GET", Path: "auth/missing/x", Token: "token 3"},
	{Method: "POST", Path: "auth/missing/login", Token: "unknown"},
	{Method: "PUT", Path: "sys/seal", Token: "token 3"},
	{Method: "PUT", Path: "sys/seal", Token: "token 4"},
	{Method: "PUT", Path: "sys/seal", Token: "unknown"},
}

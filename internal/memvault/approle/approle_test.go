package approle_test

import (
	"fmt"
	"testing"

	"goblin/vaultkit/internal/memvault/authtest"
)

type fields = map[string]any

// Each request in its order, against both servers.
func TestAppRole_AnswersAsVaultDoes(t *testing.T) {
	w := authtest.NewWorld(t)
	for _, c := range calls {
		w.Compare(c.Below("auth/approle"))
	}
	w.Report()
}

func ref(name string) authtest.Ref { return authtest.Ref(name) }

var calls = []authtest.Call{
	{Method: "LIST", Path: "role"},
	{Method: "GET", Path: "role/a"},
	{Method: "POST", Path: "role/a", Body: fields{}},
	{Method: "GET", Path: "role/a"},
	{Method: "GET", Path: "role/A"},
	{Method: "GET", Path: "role/a/role-id"}, // role-id 0
	{Method: "LIST", Path: "role"},
	{Method: "POST", Path: "role/b", Body: fields{
		"token_policies": "x,y", "token_ttl": "10m", "token_max_ttl": "1h", "token_num_uses": 2, "secret_id_num_uses": 2, "secret_id_ttl": "1h",
	}},
	{Method: "GET", Path: "role/b"},
	{Method: "POST", Path: "role/b", Body: fields{"token_ttl": 900, "token_policies": []string{"z"}}},
	{Method: "GET", Path: "role/b"},
	{Method: "PUT", Path: "role/c",
		Body: fields{"policies": "old", "period": "1h", "role_id": "chosen", "token_no_default_policy": true}},
	{Method: "GET", Path: "role/c"},
	{Method: "POST", Path: "role/c", Body: fields{"token_policies": "new", "token_period": "2h"}},
	{Method: "GET", Path: "role/c"},
	{Method: "POST", Path: "role/d", Body: fields{"role_id": "chosen"}},
	{Method: "POST", Path: "role/d", Body: fields{"role_id": ""}},
	{Method: "POST", Path: "role/d", Body: fields{"bind_secret_id": false}},
	{Method: "POST", Path: "role/d", Body: fields{"secret_id_num_uses": -1}},
	{Method: "POST", Path: "role/d", Body: fields{"secret_id_ttl": "-1s"}},
	{Method: "POST", Path: "role/d", Body: fields{"token_ttl": "2h", "token_max_ttl": "1h"}},
	{Method: "POST", Path: "role/d", Body: fields{"token_type": "other"}},
	{Method: "POST", Path: "role/d", Body: fields{"token_num_uses": -1}},
	{Method: "POST", Path: "role/d", Body: fields{"token_type": "batch", "token_num_uses": 1}},
	{Method: "POST", Path: "role/d", Body: fields{"token_type": "batch", "token_period": 1}},
	{Method: "POST", Path: "role/d", Body: fields{"token_type": "batch", "token_ttl": "5m"}},
	{Method: "GET", Path: "role/d"},
	{Method: "POST", Path: "role/e", Body: fields{"token_max_ttl": "1000h", "unknown": 1, "token_type": "service"}},
	{Method: "GET", Path: "role/e"},
	{Method: "POST", Path: "role/f", Body: fields{"token_type": "default-service"}},
	{Method: "GET", Path: "role/f"},
	{Method: "POST", Path: "role/a-b.c", Body: fields{}},
	{Method: "POST", Path: "role/-x", Body: fields{}},
	{Method: "DELETE", Path: "role/a-b.c"},
	{Method: "DELETE", Path: "role/a-b.c"},
	{Method: "POST", Path: "role/missing/role-id", Body: fields{"role_id": "x"}},
	{Method: "GET", Path: "role/missing/role-id"},
	{Method: "POST", Path: "role/a/role-id", Body: fields{}},
	{Method: "POST", Path: "role/a/role-id", Body: fields{"role_id": "chosen"}},
	{Method: "POST", Path: "role/a/role-id", Body: fields{"role_id": "role-a"}},
	{Method: "GET", Path: "role/a/role-id"},

	{Method: "POST", Path: "role/a/secret-id", Body: fields{}},                             // secret 0
	{Method: "POST", Path: "role/a/secret-id"},                                             // secret 1
	{Method: "POST", Path: "role/b/secret-id", Body: fields{"metadata": `{"k":"v"}`}},      // secret 2
	{Method: "POST", Path: "role/a/secret-id", Body: fields{"num_uses": 1, "ttl": "5m"}},   // secret 3
	{Method: "POST", Path: "role/a/custom-secret-id", Body: fields{"secret_id": "my-own"}}, // secret 4
	{Method: "POST", Path: "role/a/custom-secret-id", Body: fields{"secret_id": "my-own"}},
	{Method: "POST", Path: "role/a/custom-secret-id", Body: fields{}},
	{Method: "POST", Path: "role/missing/secret-id", Body: fields{}},
	{Method: "POST", Path: "role/b/secret-id", Body: fields{"num_uses": 3}},
	{Method: "POST", Path: "role/b/secret-id", Body: fields{"num_uses": 0}},
	{Method: "POST", Path: "role/b/secret-id", Body: fields{"num_uses": -1}},
	{Method: "POST", Path: "role/b/secret-id", Body: fields{"ttl": "2h"}},
	{Method: "POST", Path: "role/b/secret-id", Body: fields{"ttl": 0}},
	{Method: "POST", Path: "role/a/secret-id", Body: fields{"metadata": "nonsense"}},
	{Method: "POST", Path: "role/a/secret-id", Body: fields{"metadata": "a=b, c=d"}},
	{Method: "POST", Path: "role/a/secret-id", Body: fields{"ttl": "1000h"}},
	{Method: "LIST", Path: "role/b/secret-id"},
	{Method: "LIST", Path: "role/c/secret-id"},
	{Method: "LIST", Path: "role/missing/secret-id"},
	{Method: "POST", Path: "role/b/secret-id/lookup", Body: fields{"secret_id": ref("secret 2")}},
	{Method: "POST", Path: "role/a/secret-id/lookup", Body: fields{"secret_id": ref("secret 3")}},
	{Method: "POST", Path: "role/a/secret-id/lookup", Body: fields{"secret_id": "unknown"}},
	{Method: "POST", Path: "role/a/secret-id/lookup", Body: fields{}},
	{Method: "POST", Path: "role/missing/secret-id/lookup", Body: fields{"secret_id": "unknown"}},
	{Method: "POST", Path: "role/a/secret-id-accessor/lookup", Body: fields{"secret_id_accessor": ref("secret-accessor 0")}},
	{Method: "POST", Path: "role/a/secret-id-accessor/lookup", Body: fields{"secret_id_accessor": "unknown"}},
	{Method: "POST", Path: "role/a/secret-id-accessor/lookup", Body: fields{}},

	{Method: "POST", Path: "login", Token: "none", Body: fields{"role_id": "role-a", "secret_id": ref("secret 0")}}, // token 1
	{Method: "POST", Path: "login", Token: "none", Body: fields{"role_id": " role-a ", "secret_id": "my-own"}},      // token 2
	{Method: "POST", Path: "login", Body: fields{"role_id": "role-a", "secret_id": ref("secret 3")}},                // token 3
	{Method: "POST", Path: "login", Body: fields{"role_id": "role-a", "secret_id": ref("secret 3")}},
	{Method: "POST", Path: "login", Body: fields{"role_id": "role-a", "secret_id": ref("secret 2")}},
	{Method: "POST", Path: "login", Body: fields{"role_id": "role-a", "secret_id": "unknown"}},
	{Method: "POST", Path: "login", Body: fields{"role_id": "role-a"}},
	{Method: "POST", Path: "login", Body: fields{"secret_id": "x"}},
	{Method: "POST", Path: "login", Body: fields{"role_id": "unknown", "secret_id": "x"}},
	{Method: "POST", Path: "login"},
	{Method: "GET", Path: "login"},
	{Method: "GET", Path: "role/b/role-id"}, // the next role-id
	{Method: "POST", Path: "login", Body: fields{"role_id": ref("role-id 2"), "secret_id": ref("secret 2")}}, // token 4
	{Method: "POST", Path: "role/b/secret-id/lookup", Body: fields{"secret_id": ref("secret 2")}},
	{Method: "GET", Path: "../token/lookup-self", Token: "token 1"},
	{Method: "GET", Path: "../token/lookup-self", Token: "token 4"},
	{Method: "POST", Path: "../token/renew-self", Token: "token 1"},
	{Method: "POST", Path: "../token/renew-self", Token: "token 2", Body: fields{"increment": "2h"}},
	{Method: "POST", Path: "role/a", Body: fields{"token_ttl": "5m", "token_max_ttl": "20m"}},
	{Method: "POST", Path: "../token/renew-self", Token: "token 1"},
	{Method: "POST", Path: "../token/renew-self", Token: "token 2", Body: fields{"increment": "2h"}},
	{Method: "POST", Path: "role/c/secret-id"}, // secret 7
	{Method: "POST", Path: "login", Body: fields{"role_id": "chosen", "secret_id": ref("secret 7")}},
	{Method: "POST", Path: "role/d/secret-id"},
	{Method: "GET", Path: "role/d/role-id"},
	{Method: "POST", Path: "login", Body: fields{"role_id": ref("role-id 3"), "secret_id": ref("secret 8")}},
	{Method: "POST", Path: "role/privileged", Body: fields{"token_policies": "root", "role_id": "root-role"}},
	{Method: "POST", Path: "role/privileged/custom-secret-id", Body: fields{"secret_id": "s"}},
	{Method: "POST", Path: "login", Body: fields{"role_id": "root-role", "secret_id": "s"}},
	{Method: "POST", Path: "role/a/secret-id/destroy", Body: fields{"secret_id": ref("secret 0")}},
	{Method: "POST", Path: "role/a/secret-id/destroy", Body: fields{"secret_id": ref("secret 0")}},
	{Method: "POST", Path: "role/a/secret-id/destroy", Body: fields{}},
	{Method: "POST", Path: "role/a/secret-id-accessor/destroy", Body: fields{"secret_id_accessor": ref("secret-accessor 1")}},
	{Method: "POST", Path: "role/a/secret-id-accessor/destroy", Body: fields{"secret_id_accessor": ref("secret-accessor 1")}},
	{Method: "POST", Path: "role/a/secret-id-accessor/destroy", Body: fields{}},
	{Method: "DELETE", Path: "role/a"},
	{Method: "POST", Path: "../token/renew-self", Token: "token 1"},
	{Method: "POST", Path: "login", Body: fields{"role_id": "role-a", "secret_id": ref("secret 4")}},
	{Method: "GET", Path: "nothing"},
	{Method: "GET", Path: "role/a/nothing"},
	{Method: "DELETE", Path: "role/b"}, {Method: "DELETE", Path: "role/c"},
	{Method: "DELETE", Path: "role/d"}, {Method: "DELETE", Path: "role/e"},
	{Method: "DELETE", Path: "role/f"}, {Method: "DELETE", Path: "role/privileged"}, {Method: "DELETE", Path: "role/-x"},
}

func name(kind string, n int) string { return fmt.Sprint(kind, " ", n) }

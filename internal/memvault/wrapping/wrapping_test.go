package wrapping_test

import (
	"testing"

	"goblin/vaultkit/internal/memvault/authtest"
)

type fields = map[string]any

func ref(name string) authtest.Ref { return authtest.Ref(name) }

// Each request in its order, against both servers.
func TestWrapping_AnswersAsVaultDoes(t *testing.T) {
	w := authtest.NewWorld(t)
	for _, c := range calls {
		w.Compare(c.Below(""))
	}
	w.Report()
}

const limited = `path "secret/data/wrapped" {
  capabilities = ["read"]
  min_wrapping_ttl = "1m"
  max_wrapping_ttl = "2m"
}`

var calls = []authtest.Call{
	{Method: "POST", Path: "sys/wrapping/wrap", Body: fields{"a": "b", "n": 1}},
	{Method: "POST", Path: "sys/wrapping/wrap", Body: fields{"a": "b", "n": 1}, Wrap: "10m"}, // wrap 0
	{Method: "POST", Path: "sys/wrapping/lookup", Body: fields{"token": ref("wrap 0")}},
	{Method: "POST", Path: "sys/wrapping/lookup", Token: "none", Body: fields{"token": ref("wrap 0")}},
	{Method: "GET", Path: "sys/wrapping/lookup", Token: "wrap 0"},
	{Method: "GET", Path: "auth/token/lookup-self", Token: "wrap 0"},
	{Method: "POST", Path: "auth/token/lookup", Body: fields{"token": ref("wrap 0")}},
	{Method: "POST", Path: "sys/wrapping/wrap", Body: fields{"a": "b"}, Wrap: "60"}, // wrap 1
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "wrap 1"},
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "wrap 1"},
	{Method: "POST", Path: "sys/wrapping/unwrap", Body: fields{"token": ref("wrap 1")}},
	{Method: "POST", Path: "sys/wrapping/lookup", Body: fields{"token": ref("wrap 1")}},
	{Method: "POST", Path: "sys/wrapping/wrap", Body: fields{"a": "b"}, Wrap: "60"}, // wrap 2
	{Method: "POST", Path: "sys/wrapping/unwrap", Body: fields{"token": ref("wrap 2")}},
	{Method: "POST", Path: "sys/wrapping/unwrap", Body: fields{"token": ref("wrap 2")}},
	{Method: "POST", Path: "sys/wrapping/unwrap", Body: fields{"token": "unknown"}},
	{Method: "POST", Path: "sys/wrapping/unwrap", Body: fields{"token": ""}},
	{Method: "POST", Path: "sys/wrapping/unwrap", Body: fields{"token": 5}},
	{Method: "POST", Path: "sys/wrapping/unwrap", Body: fields{}},
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "none"},
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "absent", Body: fields{"token": "x"}},
	{Method: "POST", Path: "sys/wrapping/unwrap"},
	{Method: "POST", Path: "sys/wrapping/wrap", Body: fields{"a": "b"}, Wrap: "60"},     // wrap 3
	{Method: "POST", Path: "sys/wrapping/rewrap", Body: fields{"token": ref("wrap 3")}}, // wrap 4
	{Method: "POST", Path: "sys/wrapping/unwrap", Body: fields{"token": ref("wrap 3")}},
	{Method: "POST", Path: "sys/wrapping/lookup", Body: fields{"token": ref("wrap 4")}},
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "wrap 4"},
	{Method: "POST", Path: "sys/wrapping/rewrap", Token: "wrap 4"},
	{Method: "POST", Path: "sys/wrapping/wrap", Body: fields{"a": "b"}, Wrap: "x"},
	{Method: "POST", Path: "sys/wrapping/wrap", Body: fields{"a": "b"}, Wrap: "-1s"},
	{Method: "POST", Path: "sys/wrapping/wrap", Body: fields{"a": "b"}, Wrap: "1000h"}, // wrap 5
	{Method: "POST", Path: "sys/wrapping/lookup", Body: fields{"token": ref("wrap 5")}},
	{Method: "POST", Path: "sys/wrapping/wrap", Body: fields{}, Wrap: "60"}, // wrap 6
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "wrap 6"},
	{Method: "GET", Path: "auth/token/lookup-self", Wrap: "60"}, // wrap 7
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "wrap 7"},
	{Method: "POST", Path: "auth/token/create", Body: fields{"policies": []string{"default"}, "ttl": "1h"}, Wrap: "60"}, // wrap 8
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "wrap 8"},                                                      // token 1
	{Method: "GET", Path: "auth/token/lookup-self", Token: "token 1"},
	{Method: "POST", Path: "sys/wrapping/wrap", Token: "token 1", Body: fields{"x": 1}, Wrap: "60"}, // wrap 9
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "token 1", Body: fields{"token": ref("wrap 9")}},
	{Method: "POST", Path: "sys/wrapping/rewrap", Token: "token 1", Body: fields{"token": ref("wrap 5")}},
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "token 1", Body: fields{"token": ref("token 1")}},
	{Method: "POST", Path: "auth/approle/role/wrapped", Body: fields{"role_id": "wrapped-role"}, Wrap: "60"},
	{Method: "POST", Path: "auth/approle/role/wrapped/secret-id", Wrap: "60"}, // wrap 10
	{Method: "POST", Path: "sys/wrapping/lookup", Body: fields{"token": ref("wrap 10")}},
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "wrap 10"}, // secret 0
	{Method: "POST", Path: "auth/approle/login", Token: "none",
		Body: fields{"role_id": "wrapped-role", "secret_id": ref("secret 0")}, Wrap: "60"},
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "wrap 11"}, // token 2
	{Method: "GET", Path: "auth/token/lookup-self", Token: "token 2"},
	{Method: "LIST", Path: "auth/approle/role/nothing/secret-id", Wrap: "60"},
	{Method: "LIST", Path: "secret/metadata/nothing", Wrap: "60"},
	{Method: "GET", Path: "secret/data/nothing", Wrap: "60"},
	{Method: "PUT", Path: "secret/data/wrapped", Body: fields{"data": fields{"k": "v"}}, Wrap: "60"}, // wrap 12
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "wrap 12"},
	{Method: "GET", Path: "secret/data/wrapped", Wrap: "60"}, // wrap 13
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "wrap 13"},
	{Method: "GET", Path: "sys/capabilities-self", Wrap: "60"},
	{Method: "PUT", Path: "sys/policies/acl/wrap-limits", Body: fields{"policy": limited}, Wrap: "60"},
	{Method: "POST", Path: "auth/token/create", Body: fields{"policies": []string{"wrap-limits"}, "ttl": "1h"}}, // token 3
	{Method: "GET", Path: "secret/data/wrapped", Token: "token 3"},
	{Method: "GET", Path: "secret/data/wrapped", Token: "token 3", Wrap: "59"},
	{Method: "GET", Path: "secret/data/wrapped", Token: "token 3", Wrap: "90"},
	{Method: "GET", Path: "secret/data/wrapped", Token: "token 3", Wrap: "3m"},
	{Method: "POST", Path: "auth/token/revoke-accessor", Body: fields{"accessor": ref("wrap-accessor 0")}},
	{Method: "POST", Path: "sys/wrapping/unwrap", Token: "wrap 0"},
	{Method: "DELETE", Path: "secret/data/wrapped"},
	{Method: "GET", Path: "secret/data/wrapped", Wrap: "60"},
	{Method: "DELETE", Path: "secret/metadata/wrapped"},
	{Method: "DELETE", Path: "auth/approle/role/wrapped"},
}

package kubernetes_test

import (
	"testing"

	"goblin/vaultkit/internal/memvault/authtest"
	"goblin/vaultkit/internal/memvault/kubernetes"
)

type fields = map[string]any

// Each request in its order, against both servers. The real one asks a cluster of the
// test's, ours the table.
func TestKubernetes_AnswersAsVaultDoes(t *testing.T) {
	w := authtest.NewWorld(t)
	known, unknown := cluster.JWT("one", true), cluster.JWT("two", false)
	other := cluster.JWTOf("other-ns", "other-sa")
	w.Server.SetServiceAccount(known, kubernetes.Account{Namespace: "fake-ns", Name: "fake-sa", UID: "fake-uid"})
	w.Server.SetServiceAccount(other, kubernetes.Account{Namespace: "other-ns", Name: "other-sa", UID: "fake-uid"})
	login := func(role, jwt string) authtest.Call {
		return authtest.Call{Method: "POST", Path: "login", Token: "none", Body: fields{"role": role, "jwt": jwt}}
	}
	role := func(changes fields) fields {
		all := fields{"bound_service_account_names": "fake-sa", "bound_service_account_namespaces": "fake-ns", "audience": "vault"}
		for name, value := range changes {
			all[name] = value
		}
		return all
	}
	for _, c := range []authtest.Call{
		{Method: "GET", Path: "config"},
		{Method: "POST", Path: "role/r", Body: role(fields{"token_policies": "x", "token_ttl": "10m"})},
		{Method: "GET", Path: "role/r"},
		login("r", known),
		{Method: "POST", Path: "config", Body: fields{}},
		{Method: "POST", Path: "config", Body: fields{"kubernetes_host": "https://x.invalid", "kubernetes_ca_cert": "nonsense"}},
		{Method: "POST", Path: "config", Body: cluster.Config()},
		{Method: "GET", Path: "config"},
		login("r", known), // token 1
		{Method: "GET", Path: "../token/lookup-self", Token: "token 1"},
		{Method: "POST", Path: "../token/renew-self", Token: "token 1"},
		login("r", unknown),
		login("r", other),
		login("r", "nonsense"),
		login("r", ""),
		login("", known),
		login("missing", known),
		{Method: "POST", Path: "role/any", Body: role(fields{
			"bound_service_account_names": "*", "bound_service_account_namespaces": "*", "audience": "", "alias_name_source": "serviceaccount_name",
		})},
		{Method: "GET", Path: "role/any"},
		login("any", other), // token 2
		{Method: "GET", Path: "../token/lookup-self", Token: "token 2"},
		{Method: "POST", Path: "role/globs",
			Body: role(fields{"bound_service_account_names": "x,oth*", "bound_service_account_namespaces": "*-ns,y"})},
		login("globs", other), // token 3
		{Method: "POST", Path: "role/audience", Body: role(fields{"audience": "other"})},
		login("audience", known),
		{Method: "POST", Path: "role/namespace", Body: role(fields{"bound_service_account_namespaces": "other-ns"})},
		login("namespace", known),
		{Method: "POST", Path: "role/bad", Body: fields{}},
		{Method: "POST", Path: "role/bad", Body: fields{"bound_service_account_names": "a,*"}},
		{Method: "POST", Path: "role/bad", Body: fields{"bound_service_account_names": "a"}},
		{Method: "POST", Path: "role/bad", Body: role(fields{"bound_service_account_namespaces": "a,*"})},
		{Method: "POST", Path: "role/bad", Body: role(fields{"alias_name_source": "nonsense"})},
		{Method: "POST", Path: "role/bad", Body: role(fields{"token_ttl": "2h", "token_max_ttl": "1h"})},
		{Method: "POST", Path: "role/bad", Body: role(fields{"ttl": "2h", "max_ttl": "1h"})},
		{Method: "POST", Path: "role/old", Body: role(fields{"policies": "p", "ttl": "5m", "max_ttl": "1000h", "num_uses": 3})},
		{Method: "GET", Path: "role/old"},
		{Method: "POST", Path: "role/old", Body: fields{"token_ttl": "6m", "token_policies": "q"}},
		{Method: "GET", Path: "role/OLD"},
		login("OLD", known), // token 4
		{Method: "LIST", Path: "role"},
		{Method: "DELETE", Path: "role/old"}, {Method: "DELETE", Path: "role/r"}, {Method: "DELETE", Path: "role/any"},
		{Method: "POST", Path: "../token/renew-self", Token: "token 1"},
		{Method: "DELETE", Path: "role/globs"}, {Method: "DELETE", Path: "role/audience"}, {Method: "DELETE", Path: "role/namespace"},
		{Method: "LIST", Path: "role"},
	} {
		w.Compare(c.Below("auth/kubernetes"))
	}
	w.Report()
}

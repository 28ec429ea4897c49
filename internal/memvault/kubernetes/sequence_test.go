package kubernetes_test

import (
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/memvault/authtest"
	"goblin/vaultkit/internal/memvault/kubernetes"
)

// Random roles, at which four service accounts and an unknown JWT log in.
func TestKubernetes_SequencesAnswerAsVaultDoes(t *testing.T) {
	sequences := authtest.Sequences(150, 6000)
	w := authtest.NewWorld(t)
	jwts := []string{cluster.JWT("unknown", false)}
	for _, account := range []kubernetes.Account{
		{Namespace: "ns1", Name: "web"}, {Namespace: "ns1", Name: "worker"}, {Namespace: "ns2", Name: "web"}, {Namespace: "other", Name: "w"},
	} {
		account.UID = "fake-uid"
		jwt := cluster.JWTOf(account.Namespace, account.Name)
		w.Server.SetServiceAccount(jwt, account)
		jwts = append(jwts, jwt)
	}
	w.Compare(authtest.Call{Method: "POST", Path: "config", Body: cluster.Config()}.Below("auth/kubernetes"))
	for seed := range sequences {
		w.Compare(authtest.Call{Method: "POST", Path: "role/drawn", Body: rapid.Custom(drawRole).Example(seed)}.Below("auth/kubernetes"))
		w.Compare(authtest.Call{Method: "GET", Path: "role/drawn"}.Below("auth/kubernetes"))
		for _, jwt := range jwts {
			login := authtest.Call{Method: "POST", Path: "login", Token: "none", Body: fields{"role": "drawn", "jwt": jwt}}
			w.Compare(login.Below("auth/kubernetes"))
		}
		if t.Failed() {
			t.Fatalf("in sequence %d", seed)
		}
		if seed%3 == 0 { // otherwise the next request changes the role
			w.Compare(authtest.Call{Method: "DELETE", Path: "role/drawn"}.Below("auth/kubernetes"))
		}
	}
	w.Report()
}

func drawRole(t *rapid.T) fields {
	f := fields{}
	choose := func(name string, oneIn int, values ...any) {
		if rapid.IntRange(1, oneIn).Draw(t, name+"?") == 1 {
			f[name] = rapid.SampledFrom(values).Draw(t, name)
		}
	}
	names := func() any {
		return rapid.SliceOfN(rapid.SampledFrom([]string{"web", "w*", "worker", "*r", "x"}), 1, 3).Draw(t, "names")
	}
	choose("bound_service_account_names", 1, "*", names(), names(), names())
	choose("bound_service_account_namespaces", 1, "*", []string{"ns1"}, []string{"ns*"}, []string{"ns2", "o*r"}, "*,ns1", "")
	choose("audience", 2, "vault", "vault", "other", "")
	choose("alias_name_source", 3, "serviceaccount_name", "serviceaccount_uid", "other")
	choose("token_policies", 2, "p", "p,q")
	choose("token_ttl", 3, "10m", "2h")
	choose("token_max_ttl", 4, "1h", "1000h")
	choose("token_type", 5, "batch", "service")
	choose("token_num_uses", 6, 1, 2)
	choose("token_period", 6, "30m")
	choose("policies", 6, "old")
	choose("num_uses", 8, 5)
	choose("token_no_default_policy", 5, true)
	return f
}

package approle_test

import (
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/memvault/authtest"
)

// Random sequences of roles, secret ids and logins.
func TestAppRole_SequencesAnswerAsVaultDoes(t *testing.T) {
	sequences := authtest.Sequences(120, 6000)
	w := authtest.NewWorld(t)
	for seed := range sequences {
		w.Reset()
		for _, one := range rapid.Custom(drawSteps).Example(seed) {
			one.send(w)
			if t.Failed() {
				t.Fatalf("after, in sequence %d,\n%s", seed, w.Requests())
			}
		}
		for _, name := range roleNames {
			w.Compare(authtest.Call{Token: "token 0", Method: "DELETE", Path: "auth/approle/role/" + name})
		}
	}
	w.Report()
}

var roleNames = []string{"r0", "r1"}

type step struct {
	call   authtest.Call
	secret int // which secret id, or its accessor, the request names
	role   int // which role id a login has
	token  int // which login's token sends it
}

// drawSteps begins with two roles that have an id and secret ids.
func drawSteps(t *rapid.T) []step {
	var steps []step
	for _, name := range roleNames {
		role := "auth/approle/role/" + name
		steps = append(steps, step{call: post(role, fields{"token_policies": name})}, step{call: get("GET", role+"/role-id")},
			step{call: post(role+"/secret-id", drawSecret(t))}, step{call: post(role+"/secret-id", fields{})})
	}
	return append(steps, rapid.SliceOfN(rapid.Custom(drawStep), 30, 30).Draw(t, "steps")...)
}

func post(path string, body fields) authtest.Call {
	return authtest.Call{Token: "token 0", Method: "POST", Path: path, Body: body}
}

func get(method, path string) authtest.Call {
	return authtest.Call{Token: "token 0", Method: method, Path: path}
}

func drawStep(t *rapid.T) step {
	s := step{
		secret: rapid.IntRange(0, 5).Draw(t, "secret"), role: rapid.IntRange(0, 2).Draw(t, "role"), token: rapid.IntRange(1, 5).Draw(t, "token"),
	}
	if s.secret < 4 && rapid.IntRange(0, 3).Draw(t, "matching") > 0 {
		s.role = s.secret / 2 // the role of one of the first secret ids
	}
	role := "auth/approle/role/" + rapid.SampledFrom(roleNames).Draw(t, "name")
	s.call = rapid.SampledFrom([]func() authtest.Call{
		func() authtest.Call { return post(role, drawRole(t)) },
		func() authtest.Call { return post(role, drawRole(t)) },
		func() authtest.Call { return get("GET", role) },
		func() authtest.Call { return get("GET", role+"/role-id") },
		func() authtest.Call { return post("auth/approle/login", fields{"role_id": nil, "secret_id": nil}) },
		func() authtest.Call { return post("auth/approle/login", fields{"role_id": nil, "secret_id": nil}) },
		func() authtest.Call { return get("LIST", role+"/secret-id") },
		func() authtest.Call { return get("DELETE", role) },
		func() authtest.Call { return post(role+"/secret-id", drawSecret(t)) },
		func() authtest.Call { return post(role+"/secret-id", drawSecret(t)) },
		func() authtest.Call { return post(role+"/secret-id", drawSecret(t)) },
		func() authtest.Call { return post(role+"/secret-id/lookup", fields{"secret_id": nil}) },
		func() authtest.Call { return post(role+"/secret-id/destroy", fields{"secret_id": nil}) },
		func() authtest.Call {
			return post(role+"/secret-id-accessor/lookup", fields{"secret_id_accessor": nil})
		},
		func() authtest.Call {
			return post(role+"/secret-id-accessor/destroy", fields{"secret_id_accessor": nil})
		},
		func() authtest.Call { return post("auth/approle/login", fields{"role_id": nil, "secret_id": nil}) },
		func() authtest.Call { return post("auth/approle/login", fields{"role_id": nil, "secret_id": nil}) },
		func() authtest.Call { return post("auth/approle/login", fields{"role_id": nil, "secret_id": nil}) },
		func() authtest.Call { return get("GET", "auth/token/lookup-self") },
		func() authtest.Call { return post("auth/token/renew-self", fields{"increment": "20m"}) },
		func() authtest.Call { return post("auth/token/revoke-self", nil) },
	}).Draw(t, "call")()
	return s
}

func drawRole(t *rapid.T) fields {
	f := fields{}
	choose(t, f, "token_policies", 3, "x", []string{"y", "default"}, "")
	choose(t, f, "token_ttl", 3, "10m", 60, "900h")
	choose(t, f, "token_max_ttl", 3, "15m", "2h", "1000h")
	choose(t, f, "token_num_uses", 5, 0, 1, 3)
	choose(t, f, "token_period", 5, 0, "30m")
	choose(t, f, "token_type", 5, "batch", "service", "default")
	choose(t, f, "token_no_default_policy", 5, true, false)
	choose(t, f, "token_explicit_max_ttl", 5, "1h", 0)
	choose(t, f, "secret_id_num_uses", 3, 0, 1, 2)
	choose(t, f, "secret_id_ttl", 4, 0, "1h")
	choose(t, f, "bind_secret_id", 8, true, false)
	return f
}

func drawSecret(t *rapid.T) fields {
	f := fields{}
	choose(t, f, "num_uses", 4, 0, 1, 2, 3)
	choose(t, f, "ttl", 4, 0, "10m", "2h")
	choose(t, f, "metadata", 4, `{"a":"b"}`, "c=d")
	return f
}

func choose(t *rapid.T, f fields, name string, oneIn int, values ...any) {
	if rapid.IntRange(1, oneIn).Draw(t, name+"?") == 1 {
		f[name] = rapid.SampledFrom(values).Draw(t, name)
	}
}

// send fills in the values that the servers gave out so far.
func (s step) send(w *authtest.World) {
	w.Helper()
	if body, ok := s.call.Body.(fields); ok {
		for name, pick := range map[string]func() any{
			"secret_id":          func() any { return known(w, "secret", "secret", s.secret) },
			"secret_id_accessor": func() any { return known(w, "secret", "secret-accessor", s.secret) },
			"role_id":            func() any { return known(w, "role-id", "role-id", s.role) },
		} {
			if value, ok := body[name]; ok && value == nil {
				body[name] = pick()
			}
		}
	}
	if n := w.Count("token"); n > 1 && s.call.Path[:10] == "auth/token" {
		s.call.Token = name("token", 1+s.token%(n-1))
	} else if n == 1 && s.call.Path[:10] == "auth/token" {
		return // there was no login yet
	}
	w.Compare(s.call)
}

// known returns one of the values of a kind, or an unknown one if there is none.
func known(w *authtest.World, kind, prefix string, n int) any {
	if w.Count(kind) == 0 {
		return "unknown"
	}
	return ref(name(prefix, n%w.Count(kind)))
}

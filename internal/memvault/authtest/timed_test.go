package authtest_test

import (
	"slices"
	"testing"
	"time"

	"goblin/vaultkit/internal/memvault/authtest"
)

// When a request of a scenario is sent. The TTLs are whole seconds, so that no request is
// close to the end of one. Vault counts a maximum from the whole second before the
// creation, so that what a maximum ends is only looked at after four seconds.
const (
	atOnce    = 0
	beforeOne = 600 * time.Millisecond
	afterOne  = 1600 * time.Millisecond
	afterTwo  = 2600 * time.Millisecond
	afterFour = 4600 * time.Millisecond
)

// scenario is what happens to one token, secret id or secret. Its first request creates it;
// {new} in the others is its name.
type scenario struct {
	create authtest.Call
	kind   string // of what the first request creates
	later  []authtest.Timed
}

func created(f fields) authtest.Call {
	return authtest.Call{Method: "POST", Path: "auth/token/create", Body: f}
}

func at(when time.Duration, token, method, path string, body any) authtest.Timed {
	return authtest.Timed{At: when, Call: authtest.Call{Token: token, Method: method, Path: path, Body: body}}
}

func lookup(when time.Duration) authtest.Timed {
	return at(when, "{new}", "GET", "auth/token/lookup-self", nil)
}

func renew(when time.Duration, body any) authtest.Timed {
	return at(when, "{new}", "POST", "auth/token/renew-self", body)
}

var scenarios = map[string]scenario{
	"a token ends": {created(fields{"ttl": "1s"}), "token", []authtest.Timed{lookup(atOnce), lookup(afterOne)}},
	"a renewed token lives longer": {created(fields{"ttl": "2s"}), "token", []authtest.Timed{
		renew(afterOne, nil), lookup(afterTwo), lookup(afterFour)}},
	"an increment lengthens it": {created(fields{"ttl": "1s"}), "token", []authtest.Timed{
		renew(atOnce, fields{"increment": "4s"}), lookup(afterTwo), lookup(afterFour)}},
	"the explicit maximum ends it": {created(fields{"ttl": "1s", "explicit_max_ttl": "2s", "policies": []string{"default"}}), "token",
		[]authtest.Timed{renew(beforeOne, fields{"increment": "1h"}), lookup(afterFour)}},
	"a periodic token lives while it is renewed": {created(fields{"period": "2s", "policies": []string{"default"}}), "token",
		[]authtest.Timed{renew(afterOne, nil), renew(afterTwo, nil), lookup(afterTwo)}},
	"a periodic token ends": {created(fields{"period": "1s", "policies": []string{"default"}}), "token",
		[]authtest.Timed{renew(beforeOne, nil), lookup(afterTwo)}},
	"a periodic token has an explicit maximum": {
		created(fields{"period": "1s", "explicit_max_ttl": "2s", "policies": []string{"default"}}), "token",
		[]authtest.Timed{renew(beforeOne, nil), renew(afterTwo, nil)}},
	"a batch token ends": {created(fields{"type": "batch", "ttl": "2s", "policies": []string{"default"}}), "token",
		[]authtest.Timed{lookup(atOnce), lookup(afterFour)}},
	"a root token with a TTL ends": {created(fields{"policies": []string{"root"}, "ttl": "1s"}), "token",
		[]authtest.Timed{at(atOnce, "{new}", "GET", "sys/auth", nil), at(afterOne, "{new}", "GET", "sys/mounts", nil)}},
	"a token that is not renewable ends": {created(fields{"ttl": "2s", "renewable": false}), "token",
		[]authtest.Timed{renew(atOnce, nil), lookup(afterOne), lookup(afterTwo)}},
	"a token with uses left ends": {created(fields{"ttl": "1s", "num_uses": 5}), "token", []authtest.Timed{lookup(atOnce), lookup(afterOne)}},
	"an ended token's accessor is unknown": {created(fields{"ttl": "1s"}), "token", []authtest.Timed{
		at(beforeOne, "token 0", "POST", "auth/token/lookup-accessor", fields{"accessor": ref("{new accessor}")}),
		at(afterOne, "token 0", "POST", "auth/token/lookup-accessor", fields{"accessor": ref("{new accessor}")})}},
	"an ended token has no capabilities": {created(fields{"ttl": "1s"}), "token", []authtest.Timed{
		at(afterOne, "token 0", "POST", "sys/capabilities", fields{"token": ref("{new}"), "paths": []string{"a"}}),
		at(afterOne, "token 0", "POST", "auth/token/renew", fields{"token": ref("{new}")}),
		at(afterOne, "token 0", "POST", "auth/token/lookup", fields{"token": ref("{new}")})}},
	"a wrapping token ends": {authtest.Call{Method: "POST", Path: "sys/wrapping/wrap", Body: fields{"a": 1}, Wrap: "1s"}, "wrap",
		[]authtest.Timed{at(afterOne, "{new}", "POST", "sys/wrapping/unwrap", nil)}},
	"a wrapping token works until then": {authtest.Call{Method: "POST", Path: "sys/wrapping/wrap", Body: fields{"a": 1}, Wrap: "3s"}, "wrap",
		[]authtest.Timed{
			at(afterOne, "token 0", "POST", "sys/wrapping/lookup", fields{"token": ref("{new}")}),
			at(afterTwo, "{new}", "POST", "sys/wrapping/unwrap", nil)}},
	"a login's token ends": {loginTo("short"), "token", []authtest.Timed{lookup(atOnce), lookup(afterOne)}},
	"the role's maximum ends a login's token": {loginTo("limited"), "token", []authtest.Timed{
		renew(beforeOne, fields{"increment": "1h"}), renew(afterFour, nil)}},
	"a role's period keeps a login's token": {loginTo("periodic"), "token", []authtest.Timed{
		renew(afterOne, nil), lookup(afterTwo), lookup(afterFour)}},
	"a secret id ends": {authtest.Call{Method: "POST", Path: "auth/approle/role/timed-short/secret-id", Body: fields{"ttl": "1s"}}, "secret",
		[]authtest.Timed{
			at(atOnce, "none", "POST", "auth/approle/login", fields{"role_id": "timed-short", "secret_id": ref("{new}")}),
			at(afterOne, "token 0", "POST", "auth/approle/tidy/secret-id", nil),
			at(afterTwo, "none", "POST", "auth/approle/login", fields{"role_id": "timed-short", "secret_id": ref("{new}")})}},
	"a version is deleted": {authtest.Call{Method: "POST", Path: "secret/data/timed/version", Body: fields{"data": fields{"k": "v"}}}, "",
		[]authtest.Timed{
			at(atOnce, "token 0", "GET", "secret/data/timed/version", nil),
			at(afterOne, "token 0", "GET", "secret/data/timed/version", nil),
			at(afterOne, "token 0", "POST", "secret/undelete/timed/version", fields{"versions": []int{1}}),
			at(afterTwo, "token 0", "GET", "secret/data/timed/version", nil)}},
}

func loginTo(role string) authtest.Call {
	body := fields{"role_id": "timed-" + role, "secret_id": "timed-" + role}
	return authtest.Call{Token: "none", Method: "POST", Path: "auth/approle/login", Body: body}
}

func ref(name string) authtest.Ref { return authtest.Ref(name) }

// The scenarios run side by side: first all that happens at once, then all that happens
// after the first second, and so on.
func TestTime_PassesAsOnVault(t *testing.T) {
	w := authtest.NewWorld(t)
	prepareTimed(w)
	var creates, later []authtest.Timed // the first ones first, so that their values have known numbers
	numbers := map[string]int{}
	for name, s := range scenarios {
		creates = append(creates, authtest.Timed{Note: name, Call: s.create.Below("")})
		number := max(numbers[s.kind], w.Count(s.kind))
		numbers[s.kind] = number + 1
		for _, one := range s.later {
			one.Call = one.Rename(s.kind, number)
			one.Note = name
			later = append(later, one)
		}
	}
	slices.SortStableFunc(later, func(a, b authtest.Timed) int { return int(a.At - b.At) })
	w.Timeline(append(creates, later...))
	t.Logf("%d scenarios side by side", len(scenarios))
	w.Report()
}

// prepareTimed makes the roles and the path that scenarios use.
func prepareTimed(w *authtest.World) {
	for role, body := range map[string]fields{
		"short": {"token_ttl": "1s"}, "limited": {"token_ttl": "1s", "token_max_ttl": "2s"}, "periodic": {"token_period": "2s"},
	} {
		name, path := "timed-"+role, "auth/approle/role/timed-"+role
		w.Compare(authtest.Call{Method: "POST", Path: path, Body: body}.Below(""))
		w.Compare(authtest.Call{Method: "POST", Path: path + "/role-id", Body: fields{"role_id": name}}.Below(""))
		w.Compare(authtest.Call{Method: "POST", Path: path + "/custom-secret-id", Body: fields{"secret_id": name}}.Below(""))
	}
	w.Compare(authtest.Call{Method: "POST", Path: "secret/metadata/timed/version", Body: fields{"delete_version_after": "1s"}}.Below(""))
}

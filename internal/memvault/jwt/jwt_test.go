package jwt_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/internal/memvault/authtest"
	"goblin/vaultkit/internal/vaulttest"
)

type fields = map[string]any

func login(role, jwt string) authtest.Call {
	return authtest.Call{Method: "POST", Path: "login", Token: "none", Body: fields{"role": role, "jwt": jwt}}
}

// with returns fields with some of them changed, and those removed that are nil.
func with(all fields, changes fields) fields {
	all = maps.Clone(all)
	for name, value := range changes {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	return all
}

var (
	now    = time.Now().Unix()
	claims = fields{"iss": "issuer", "sub": "user", "aud": []string{"a", "b"}, "iat": now, "nbf": now, "exp": now + 3600,
		"groups": []string{"x", "y"}, "level": 5, "admin": true, "nested": fields{"k": "v"}, "email": "u@example.invalid"}
	role = fields{"role_type": "jwt", "user_claim": "sub", "bound_audiences": "a", "token_policies": "p", "token_ttl": "10m"}
)

// mount is where a test has the method.
func mount(t *testing.T) string { return "auth/" + strings.ToLower(t.Name()) }

// newWorld mounts the method on both servers and configures it with the signer's key.
func newWorld(t *testing.T, keys ...vaulttest.Signer) *authtest.World {
	t.Helper()
	w := authtest.NewWorld(t)
	w.Compare(authtest.Call{Method: "POST", Path: "sys/" + mount(t), Body: fields{"type": "jwt"}}.Below(""))
	if len(keys) > 0 {
		var texts []string
		for _, key := range keys {
			texts = append(texts, key.PublicKey())
		}
		w.Compare(authtest.Call{Method: "POST", Path: "config", Body: fields{"jwt_validation_pubkeys": texts}}.Below(mount(t)))
	}
	return w
}

// Each request in its order, against both servers.
func TestJWT_AnswersAsVaultDoes(t *testing.T) {
	w, es := newWorld(t), vaulttest.NewSigner("ES256")
	good := es.Sign(claims)
	for _, c := range []authtest.Call{
		login("r", good),
		{Method: "GET", Path: "config"},
		{Method: "POST", Path: "config", Body: fields{}},
		{Method: "POST", Path: "config", Body: fields{"jwt_validation_pubkeys": "nonsense"}},
		{Method: "POST", Path: "config", Body: fields{"jwt_validation_pubkeys": es.PublicKey(), "jwt_supported_algs": "none"}},
		{Method: "POST", Path: "config",
			Body: fields{"jwt_validation_pubkeys": es.PublicKey(), "bound_issuer": "issuer", "default_role": "r"}},
		{Method: "GET", Path: "config"},
		login("r", good),
		{Method: "POST", Path: "role/r", Body: with(role, fields{"user_claim": nil})},
		{Method: "POST", Path: "role/r", Body: with(role, fields{"bound_audiences": nil})},
		{Method: "POST", Path: "role/r", Body: with(role, fields{"role_type": nil})},
		{Method: "POST", Path: "role/r", Body: with(role, fields{"role_type": "other"})},
		{Method: "POST", Path: "role/r", Body: with(role, fields{"bound_claims_type": "other"})},
		{Method: "POST", Path: "role/r", Body: with(role, fields{"bound_claims_type": "glob", "bound_claims": fields{"level": 5}})},
		{Method: "POST", Path: "role/r",
			Body: with(role, fields{"bound_claims_type": "glob", "bound_claims": fields{"level": fields{}}})},
		{Method: "POST", Path: "role/r", Body: with(role, fields{"claim_mappings": fields{"email": "role"}})},
		{Method: "POST", Path: "role/r", Body: with(role, fields{"claim_mappings": fields{"email": "m", "sub": "m"}})},
		{Method: "POST", Path: "role/r", Body: with(role, fields{"token_ttl": "2h", "token_max_ttl": "1h"})},
		{Method: "POST", Path: "role/r", Body: role},
		{Method: "GET", Path: "role/r"},
		{Method: "LIST", Path: "role"},
		login("r", good), // token 1
		login("", good),  // token 2
		{Method: "GET", Path: "../token/lookup-self", Token: "token 1"},
		{Method: "POST", Path: "../token/renew-self", Token: "token 1"},
		login("missing", good),
		login("r", ""),
		login("r", "nonsense"),
		login("r", vaulttest.NewSigner("ES256").Sign(claims)),
		login("r", good[:len(good)-4]+"AAAA"),
		login("r", es.Sign(with(claims, fields{"iss": "other"}))),
		login("r", es.Sign(with(claims, fields{"aud": "c"}))),
		login("r", es.Sign(with(claims, fields{"aud": "a"}))),
		login("r", es.Sign(with(claims, fields{"aud": nil}))),
		login("r", es.Sign(with(claims, fields{"sub": nil}))),
		login("r", es.Sign(with(claims, fields{"sub": 5}))),
		{Method: "POST", Path: "role/max", Body: with(role, fields{"token_max_ttl": "1000h", "token_ttl": nil, "token_num_uses": 2})},
		login("max", good),
		{Method: "POST", Path: "role/subject", Body: with(role, fields{"bound_audiences": nil, "bound_subject": "user"})},
		login("subject", good),
		login("subject", es.Sign(with(claims, fields{"aud": nil}))),
		login("subject", es.Sign(with(claims, fields{"aud": nil, "sub": "other"}))),
		{Method: "POST", Path: "role/old",
			Body: with(role, fields{"token_policies": nil, "policies": "q", "ttl": "5m", "token_ttl": nil})},
		{Method: "GET", Path: "role/old"},
		{Method: "DELETE", Path: "role/r"},
		{Method: "POST", Path: "../token/renew-self", Token: "token 1"},
		{Method: "GET", Path: "role/r"},
	} {
		w.Compare(c.Below(mount(t)))
	}
	w.Report()
}

func TestJWT_ChecksTimesAsVaultDoes(t *testing.T) {
	es := vaulttest.NewSigner("ES256")
	w := newWorld(t, es)
	for name, changes := range map[string]fields{
		"plain": {}, "none": {"clock_skew_leeway": -1, "expiration_leeway": -1, "not_before_leeway": -1},
		"wide": {"clock_skew_leeway": 600, "expiration_leeway": 900, "not_before_leeway": 900},
	} {
		w.Compare(authtest.Call{Method: "POST", Path: "role/" + name, Body: with(role, changes)}.Below(mount(t)))
		w.Compare(authtest.Call{Method: "GET", Path: "role/" + name}.Below(mount(t)))
		for _, times := range []fields{
			{}, {"iat": nil, "nbf": nil, "exp": nil},
			{"exp": now - 30}, {"exp": now - 90}, {"exp": now - 700},
			{"nbf": now + 30}, {"nbf": now + 90}, {"nbf": now + 700},
			{"iat": now + 30}, {"iat": now + 90}, {"iat": now + 700},
			{"exp": nil}, {"exp": nil, "iat": now - 100, "nbf": nil}, {"exp": nil, "iat": now - 300, "nbf": nil},
			{"exp": nil, "iat": nil, "nbf": now - 300}, {"exp": nil, "iat": nil, "nbf": now - 800},
			{"nbf": nil, "iat": nil}, {"nbf": nil, "iat": nil, "exp": now + 100}, {"nbf": nil, "iat": nil, "exp": now + 500},
		} {
			w.Compare(login(name, es.Sign(with(claims, times))).Below(mount(t)))
		}
	}
	w.Report()
}

func TestJWT_MatchesBoundClaimsAsVaultDoes(t *testing.T) {
	es := vaulttest.NewSigner("ES256")
	w := newWorld(t, es)
	for _, bound := range []fields{
		{"groups": "x"}, {"groups": []string{"z", "y"}}, {"groups": "z"}, {"level": 5}, {"level": "5"}, {"level": 6},
		{"admin": true}, {"admin": false}, {"admin": "true"}, {"missing": "x"}, {"nested": "v"}, {"email": "*@example.invalid"},
		{"email": "u@example.invalid", "groups": "x"}, {"email": []any{}}, {"groups": fields{"x": 1}}, {"groups": nil},
	} {
		for _, kind := range []string{"string", "glob"} {
			body := with(role, fields{"bound_claims": bound, "bound_claims_type": kind, "claim_mappings": fields{"email": "mail", "missing": "m"}})
			w.Compare(authtest.Call{Method: "POST", Path: "role/bound", Body: body}.Below(mount(t)))
			w.Compare(login("bound", es.Sign(claims)).Below(mount(t)))
		}
		w.Compare(authtest.Call{Method: "DELETE", Path: "role/bound"}.Below(mount(t)))
	}
	for _, pattern := range []string{"u*", "*invalid", "u*example*", "*@*", "x*", "*x", "u@example.invalid", "**", "u*@*.*d", "u*z*d"} {
		body := with(role, fields{"bound_claims": fields{"email": pattern}, "bound_claims_type": "glob"})
		w.Compare(authtest.Call{Method: "POST", Path: "role/bound", Body: body}.Below(mount(t)))
		w.Compare(login("bound", es.Sign(claims)).Below(mount(t)))
	}
	w.Report()
}

func TestJWT_VerifiesEveryAlgorithmAsVaultDoes(t *testing.T) {
	ec, ec384, rsaKey, ed := vaulttest.NewSigner("ES256"), vaulttest.NewSigner("ES384"), vaulttest.NewSigner("RS256"), vaulttest.NewSigner("EdDSA")
	w := newWorld(t, ec, ec384, rsaKey, ed)
	w.Compare(authtest.Call{Method: "POST", Path: "role/r", Body: role}.Below(mount(t)))
	for algorithm, key := range map[string]vaulttest.Signer{
		"ES256": ec, "ES384": ec384, "RS256": rsaKey, "RS384": rsaKey, "RS512": rsaKey,
		"PS256": rsaKey, "PS384": rsaKey, "PS512": rsaKey, "EdDSA": ed,
	} {
		w.Compare(login("r", key.With(algorithm).Sign(claims)).Below(mount(t)))
	}
	body := fields{"jwt_validation_pubkeys": []string{rsaKey.PublicKey()}, "jwt_supported_algs": []string{"RS384"}}
	w.Compare(authtest.Call{Method: "POST", Path: "config", Body: body}.Below(mount(t)))
	w.Compare(login("r", rsaKey.With("RS256").Sign(claims)).Below(mount(t)))
	w.Compare(login("r", rsaKey.With("RS384").Sign(claims)).Below(mount(t)))
	w.Report()
}

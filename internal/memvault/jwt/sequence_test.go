package jwt_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/memvault/authtest"
	"goblin/vaultkit/internal/vaulttest"
)

// Random roles, and JWTs with random claims that log in by them.
func TestJWT_SequencesAnswerAsVaultDoes(t *testing.T) {
	sequences := authtest.Sequences(150, 10_000)
	known, foreign := vaulttest.NewSigner("ES256"), vaulttest.NewSigner("ES256")
	w := newWorld(t, known)
	for seed := range sequences {
		s := rapid.Custom(drawSequence).Example(seed)
		w.Compare(authtest.Call{Method: "POST", Path: "role/drawn", Body: s.role}.Below(mount(t)))
		w.Compare(authtest.Call{Method: "GET", Path: "role/drawn"}.Below(mount(t)))
		for i, one := range s.claims {
			signer := known
			if s.foreign[i] {
				signer = foreign
			}
			w.Compare(login("drawn", signer.Sign(one)).Below(mount(t)))
		}
		w.Compare(authtest.Call{Method: "DELETE", Path: "role/drawn"}.Below(mount(t)))
		if t.Failed() {
			t.Fatalf("in sequence %d", seed)
		}
	}
	w.Report()
}

type sequence struct {
	role    fields
	claims  []fields
	foreign []bool // signed with another key
}

func drawSequence(t *rapid.T) sequence {
	s := sequence{role: drawRole(t)}
	for range 8 {
		s.claims = append(s.claims, drawClaims(t))
		s.foreign = append(s.foreign, rapid.IntRange(0, 9).Draw(t, "foreign") == 0)
	}
	return s
}

func drawRole(t *rapid.T) fields {
	f := fields{"role_type": "jwt"}
	f["user_claim"] = rapid.SampledFrom([]string{"sub", "sub", "sub", "sub", "sub", "email", "level"}).Draw(t, "user")
	choose(t, f, "bound_audiences", 1, "a", "a", "a,b", []string{"c"})
	choose(t, f, "bound_subject", 6, "u1", "u2")
	choose(t, f, "bound_claims", 4, fields{"level": 5}, fields{"groups": "x"}, fields{"email": "*@x"},
		fields{"admin": true}, fields{"groups": []string{"y", "z*"}})
	choose(t, f, "bound_claims_type", 3, "glob", "string")
	choose(t, f, "claim_mappings", 3, fields{"email": "mail"}, fields{"sub": "who", "email": "mail"}, fields{"level": "l"})
	choose(t, f, "clock_skew_leeway", 4, -1, 30, 300)
	choose(t, f, "expiration_leeway", 4, -1, 30, 300)
	choose(t, f, "not_before_leeway", 4, -1, 30, 300)
	choose(t, f, "token_policies", 2, "p", "p,q", "default")
	choose(t, f, "token_ttl", 2, "10m", 60)
	choose(t, f, "token_max_ttl", 4, "5m", "1h", "1h", "1000h")
	choose(t, f, "token_type", 5, "batch", "service")
	choose(t, f, "token_num_uses", 6, 1, 3)
	choose(t, f, "ttl", 6, "7m")
	choose(t, f, "policies", 6, "old")
	return f
}

func drawClaims(t *rapid.T) fields {
	f, now := fields{}, time.Now().Unix()
	choose(t, f, "sub", 1, "u1", "u1", "u2")
	choose(t, f, "aud", 1, "a", "a", "a", []string{"b", "a"}, []string{"a", "c"}, []string{"b"}, []string{}, "")
	choose(t, f, "email", 2, "me@x", "me@y")
	choose(t, f, "groups", 2, "x", []string{"x", "y"}, []string{"zz"}, []string{})
	choose(t, f, "level", 2, 5, 6, "5", 5.5)
	choose(t, f, "admin", 2, true, false, "true")
	// Far from every limit, so that the second in which a server looks does not matter.
	choose(t, f, "exp", 1, now+3600, now+3600, now+3600, now+3600, now-45, now-200, now-500)
	choose(t, f, "nbf", 4, now-3600, now-3600, now+45, now+200)
	choose(t, f, "iat", 2, now-100, now-100, now-100, now+45, now+400)
	if rapid.IntRange(0, 9).Draw(t, "no exp") == 0 {
		delete(f, "exp")
	}
	return f
}

func choose(t *rapid.T, f fields, name string, oneIn int, values ...any) {
	if rapid.IntRange(1, oneIn).Draw(t, name+"?") == 1 {
		f[name] = rapid.SampledFrom(values).Draw(t, name)
	}
}

package token_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/memvault/authtest"
	"goblin/vaultkit/internal/memvault/token"
)

// Random sequences: trees of tokens that are created, used, renewed and revoked.
func TestTokens_SequencesAnswerAsVaultDoes(t *testing.T) {
	sequences := authtest.Sequences(150, 6000)
	w := newWorld(t, "")
	play(w, sequences)
	if t.Failed() {
		t.Fatalf("after\n%s", w.Requests())
	}
	w.Report()
}

func TestTokens_PlantedDifferencesAreFound(t *testing.T) {
	for _, quirk := range token.Quirks() {
		t.Run(string(quirk), func(t *testing.T) {
			d := &authtest.Detector{TB: t}
			if play(newWorld(d, quirk), 150); !d.Failed() {
				t.Error("no sequence found a difference")
			}
		})
	}
}

// play sends random sequences until there is a difference.
func play(w *authtest.World, sequences int) {
	w.Helper()
	for seed := range sequences {
		w.Reset()
		for _, one := range rapid.Custom(drawSteps).Example(seed) {
			if one.send(w); w.Failed() {
				return
			}
		}
	}
}

// step is a request. Its numbers of tokens are taken modulo how many there are.
type step struct {
	by, on       int
	method, path string
	fields       fields
	about        string // the parameter that names the other token, if any
}

func drawSteps(t *rapid.T) []step {
	steps := []step{
		{method: "POST", path: "auth/token/create", fields: fields{"policies": []string{"admin"}}},
		{method: "POST", path: "auth/token/create-orphan", fields: fields{"policies": []string{"maker"}}},
	}
	return append(steps, rapid.SliceOfN(rapid.Custom(drawStep), 30, 30).Draw(t, "steps")...)
}

func drawStep(t *rapid.T) step {
	s := step{by: rapid.IntRange(0, 11).Draw(t, "by"), on: rapid.IntRange(1, 11).Draw(t, "on"), method: "POST", fields: fields{}}
	if rapid.IntRange(0, 2).Draw(t, "root") == 0 {
		s.by = 0
	}
	kind := rapid.SampledFrom([]string{
		"create", "create", "create", "create-orphan", "lookup", "lookup-self", "lookup-accessor", "renew", "renew-self", "renew-accessor",
		"revoke", "revoke-self", "revoke-accessor", "revoke-orphan", "capabilities", "capabilities-self", "capabilities-accessor",
	}).Draw(t, "kind")
	s.path = "auth/token/" + kind
	switch {
	case strings.HasPrefix(kind, "create"):
		s.fields = drawCreation(t)
	case strings.HasPrefix(kind, "capabilities"):
		s.path, s.fields["paths"] = "sys/"+kind, []string{"auth/token/create", "secret/data/x", "sys/policies/acl/x"}
	case strings.HasPrefix(kind, "renew"):
		s.fields["increment"] = rapid.SampledFrom([]any{0, 60, "2h", "900h", "3000h"}).Draw(t, "increment")
	}
	switch {
	case kind == "lookup-self":
		s.method, s.fields = "GET", nil
	case strings.HasSuffix(kind, "accessor"):
		s.about = "accessor"
	case !strings.HasSuffix(kind, "self") && !strings.HasPrefix(kind, "create"):
		s.about = "token"
	}
	return s
}

func drawCreation(t *rapid.T) fields {
	f := fields{}
	choose := func(name string, oneIn int, values ...any) {
		if rapid.IntRange(1, oneIn).Draw(t, name+"?") == 1 {
			f[name] = rapid.SampledFrom(values).Draw(t, name)
		}
	}
	choose("policies", 2, []string{"maker"}, []string{"plain", "maker"}, []string{"admin"}, []string{"default"},
		[]string{"root"}, []string{"missing", "Plain"})
	choose("no_default_policy", 3, true, false)
	choose("no_parent", 6, true)
	choose("ttl", 2, "1h", "10m", 90, "800h", "0")
	choose("explicit_max_ttl", 4, "30m", "2h", "1000h")
	choose("period", 5, "20m", "3h", "900h")
	choose("num_uses", 5, 1, 2, 5)
	choose("type", 4, "batch", "service", "batch")
	choose("renewable", 4, false, true)
	choose("display_name", 5, "a", "a/b c-", "ä")
	choose("meta", 5, map[string]string{"k": "v"}, map[string]string{})
	return f
}

// send sends a request of one of the tokens that there are, about another one.
func (s step) send(w *authtest.World) {
	w.Helper()
	by, on := s.by%w.Count("token"), max(1, s.on%w.Count("token"))
	if strings.HasSuffix(s.path, "revoke-self") {
		by = max(1, by) // the root token is needed
	}
	f := maps.Clone(s.fields)
	if s.about != "" {
		f[s.about] = authtest.Ref(fmt.Sprint(s.about, " ", on))
	}
	w.Compare(call(by, s.method, s.path, f))
}

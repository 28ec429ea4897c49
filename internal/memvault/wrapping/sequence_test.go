package wrapping_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/memvault/authtest"
)

// Random sequences: responses are wrapped, looked up, wrapped again and unwrapped, by
// others and by the wrapping token itself, mostly more than once.
func TestWrapping_SequencesAnswerAsVaultDoes(t *testing.T) {
	sequences := authtest.Sequences(60, 6000)
	w := authtest.NewWorld(t)
	for seed := range sequences {
		w.Reset()
		w.Compare(authtest.Call{Method: "POST", Path: "auth/token/create", Body: fields{"policies": []string{"default"}, "ttl": "1h"}}.Below(""))
		for _, one := range rapid.Custom(drawSteps).Example(seed) {
			w.Compare(one.call(w))
			if t.Failed() {
				t.Fatalf("after, in sequence %d,\n%s", seed, w.Requests())
			}
		}
	}
	w.Report()
}

// step is a request about one of the wrapping tokens, taken modulo how many there are.
type step struct {
	path string
	on   int
	by   string // token 0, token 1, or itself for the wrapping token
	wrap string
}

func drawSteps(t *rapid.T) []step {
	return rapid.SliceOfN(rapid.Custom(drawStep), 25, 25).Draw(t, "steps")
}

func drawStep(t *rapid.T) step {
	return step{
		path: rapid.SampledFrom([]string{
			"sys/wrapping/wrap", "sys/wrapping/wrap", "auth/token/create", "auth/token/lookup-self", "secret/data/nothing",
			"sys/wrapping/lookup", "sys/wrapping/lookup", "sys/wrapping/rewrap", "sys/wrapping/unwrap", "sys/wrapping/unwrap",
			"auth/token/revoke", "auth/token/revoke-accessor", "auth/token/lookup",
		}).Draw(t, "path"),
		on:   rapid.IntRange(0, 5).Draw(t, "on"),
		by:   rapid.SampledFrom([]string{"token 0", "token 0", "token 1", "itself"}).Draw(t, "by"),
		wrap: rapid.SampledFrom([]string{"", "60", "5m", "60"}).Draw(t, "wrap"),
	}
}

func (s step) call(w *authtest.World) authtest.Call {
	name := "unknown"
	if count := w.Count("wrap"); count > 0 {
		name = fmt.Sprint("wrap ", s.on%count)
	}
	c := authtest.Call{Method: "POST", Path: s.path, Token: s.by, Wrap: s.wrap}
	switch s.path {
	case "sys/wrapping/wrap":
		c.Body = fields{"a": s.on}
	case "auth/token/create":
		c.Body = fields{"ttl": "1h"}
	case "auth/token/lookup-self", "secret/data/nothing":
		c.Method = "GET"
	case "auth/token/revoke-accessor":
		c.Body = fields{"accessor": ref("wrap-accessor " + name[len(name)-1:])}
	default:
		c.Body = fields{"token": ref(name)}
	}
	if s.by == "itself" {
		c.Token, c.Body = name, nil
	}
	return c
}

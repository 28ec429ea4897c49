package kv_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// protocol.Canonical must return what the real server returns for the secret: otherwise ids would not
// match the stored data.
func TestCanonicalSurvivesTheServer(t *testing.T) {
	store := newStore(t)
	scalar := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Int64Range(-1<<53, 1<<53), func(n int64) any { return n }),
		rapid.SampledFrom([]any{nil, json.Number("1.0"), json.Number("1e300"), json.Number("0.1"), "<&>\u2028", "\x00\x1f", 1e-7, 5e-324}),
	)
	value := rapid.OneOf(scalar,
		rapid.Map(rapid.SliceOfN(scalar, 0, 3), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(rapid.String(), scalar, 0, 3), func(m map[string]any) any { return m }))
	rapid.Check(t, func(rt *rapid.T) {
		secret := rapid.MapOfN(rapid.String(), value, 0, 5).Draw(rt, "secret")
		want, err := protocol.Canonical(secret)
		if err != nil {
			rt.Fatal(err)
		}
		entry := kv.EntryName{"providers", vaulttest.Name(t)}
		if _, err := store.Write(t.Context(), entry, 0, secret); err != nil {
			rt.Fatal(err)
		}
		stored, err := store.Read(t.Context(), entry)
		if err != nil {
			rt.Fatal(err)
		}
		if got, err := protocol.Canonical(stored.Data); err != nil || string(got) != string(want) {
			rt.Fatalf("Canonical of the stored secret = %s, %v, want %s", got, err, want)
		}
	})
}

package acl

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestACL_DecidesAsVaultDoes(t *testing.T) {
	sequences := 300
	if os.Getenv("VAULTKIT_LONG") != "" {
		sequences = 20_000
	}
	o := newObserver(t)
	var observed []observation
	abilities := 0
	for seed := range sequences {
		seen := o.observe(rapid.Custom(drawSequence).Example(seed))
		abilities += len(seen.capabilities)
		if difference := seen.difference(vaultsWays); difference != "" {
			t.Fatalf("%s\n%s", difference, strings.Join(seen.policies, "--\n"))
		}
		if observed = append(observed, seen); len(observed) > 1000 {
			observed = observed[1:]
		}
	}
	o.report(sequences, abilities)
	for name, plant := range mutants {
		t.Run(name, func(t *testing.T) { detect(t, observed, plant) })
	}
}

// report prints what was compared, and fails if a kind of answer never occurred.
func (o *observer) report(sequences, abilities int) {
	o.t.Helper()
	total := 0
	for _, key := range slices.Sorted(maps.Keys(o.calls)) {
		o.t.Logf("%-12s %6d", key, o.calls[key])
		total += o.calls[key]
	}
	o.t.Logf("%d sequences of policies: %d requests and %d capabilities compared, 0 differences", sequences, total, abilities)
	for _, key := range []string{
		"create 204", "create 403", "update 204", "update 403", "read 200", "read 403", "delete 204", "delete 403",
		"list 200", "list 403", "patch 403", "patch 405", "mount 200", "mount 403",
	} {
		if o.calls[key] == 0 {
			o.t.Errorf("no request was a %s, want at least one", key)
		}
	}
}

// detect fails if the wrong decisions agree with everything observed.
func detect(t *testing.T, observed []observation, plant func(*ways)) {
	w := vaultsWays
	plant(&w)
	for _, seen := range observed {
		if seen.difference(w) != "" {
			return
		}
	}
	t.Errorf("%d sequences show no difference", len(observed))
}

// decoded returns what a server decodes: numbers are json.Number.
func decoded(data map[string]any) (out map[string]any) {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // the tests draw valid data
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&out); err != nil {
		panic(err)
	}
	return out
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

package difftest_test

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/memvault/kv2"
	"goblin/vaultkit/internal/realvault"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulttest"
)

// namespaces numbers the sequences, so that no two use the same keys.
var namespaces atomic.Int64

// play sends a sequence to both servers and returns the first difference, or "".
func (p *pair) play(t testing.TB, steps []step, counts *table) string {
	t.Helper()
	ns := fmt.Sprintf("s%d/k", namespaces.Add(1))
	compare := newComparison()
	all := append([]step{begin()}, steps...)
	for i, s := range append(all, sweep()...) {
		vault, mem := p.vault.send(t, s, p.mount, ns), p.mem.send(t, s, p.mount, ns)
		if difference := compare.difference(s, vault, mem); difference != "" && !p.alsoSaid(t, s, ns, mem) {
			return fmt.Sprintf("request %d: %s", i, difference)
		}
		counts.add(s.op, vault.status)
	}
	return ""
}

// alsoSaid reports whether Vault gives a refusal too when it is asked again. Of several errors
// it reports the first that it finds in the random order of a Go map. A refusal has no effect.
func (p *pair) alsoSaid(t testing.TB, s step, ns string, mem answer) bool {
	t.Helper()
	for n := 0; n < 40 && mem.status >= 400; n++ {
		if again := p.vault.send(t, s, p.mount, ns); again.status == mem.status && bytes.Equal(again.body, mem.body) {
			return true
		}
	}
	return false
}

func TestRandomSequences_GetTheSameAnswers(t *testing.T) {
	short.RealOnly(t, "a real Vault server to compare with")
	realvault.SkipOnOpenBao(t, vaulttest.Server(), "these answers are Vault's; memvault/openbao_test.go has those that differ")
	var counts table
	t.Run("workers", func(t *testing.T) {
		for n := range workers {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, "")
				rapid.Check(t, func(rt *rapid.T) {
					if difference := p.play(t, sequence().Draw(rt, "sequence"), &counts); difference != "" {
						rt.Fatalf("%s", difference)
					}
				})
			})
		}
	})
	t.Logf("compared %d exchanges\n%v", counts.total(), &counts)
	if got, want := counts.total(), operations(); got < want && !t.Failed() {
		t.Errorf("compared %d exchanges, want %d", got, want)
	}
}

// TestPlantedDifferences_AreFound shows that the comparison finds differences: each server
// here differs from Vault in one point.
func TestPlantedDifferences_AreFound(t *testing.T) {
	for _, quirk := range kv2.Quirks() {
		t.Run(string(quirk), func(t *testing.T) {
			t.Parallel()
			p, all := newPair(t, quirk), sequence()
			const most = 400
			for n := range most {
				if difference := p.play(t, all.Example(n), new(table)); difference != "" {
					t.Logf("found by sequence %d: %s", n, difference)
					return
				}
			}
			t.Errorf("%d sequences did not find it", most)
		})
	}
}

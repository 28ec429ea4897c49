package faulttest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// register is a provider as its clients see it: one key with a version.
type register struct {
	version int
	key     string
}

// call is an operation on the register. The empty key is a read.
type call struct{ key string }

// outcome is what the caller was told: the register as it was read or written, and for a
// rotation the version that it replaced. A refused rotation replaced nothing.
type outcome struct {
	register
	replaced int
	refused  bool
}

// casRegister is the model of a register with check-and-set.
var casRegister = porcupine.Model{
	Init: func() any { return register{1, "fake-first"} },
	Step: func(state, input, output any) (bool, any) {
		now, asked, told := state.(register), input.(call), output.(outcome)
		switch {
		case asked.key == "":
			return now.key == told.key, now
		case told.refused:
			return true, now
		}
		return told.replaced == now.version && told.version == now.version+1, register{told.version, asked.key}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%v -> %+v", input, output) },
}

// history collects operations from many goroutines.
type history struct {
	start time.Time
	mu    sync.Mutex
	ops   []porcupine.Operation
	open  []porcupine.Operation // writes whose callers were not told the outcome
}

// do runs one operation and adds it to the history. An operation with an unknown outcome may
// take effect at any later time; settle finds out whether it did.
func (h *history) do(client int, asked call, work func() (told outcome, undetermined bool)) {
	op := porcupine.Operation{ClientId: client, Input: asked, Call: time.Since(h.start).Nanoseconds()}
	told, undetermined := work()
	op.Output, op.Return = told, time.Since(h.start).Nanoseconds()
	h.mu.Lock()
	defer h.mu.Unlock()
	if undetermined {
		op.Return = math.MaxInt64
		h.open = append(h.open, op)
		return
	}
	h.ops = append(h.ops, op)
}

// settle adds the writes with an unknown outcome that Vault shows to have been applied.
func (h *history) settle(versions map[int]map[string]any) {
	for _, op := range h.open {
		for version, data := range versions {
			if data["api_key"] == op.Input.(call).key {
				op.Output = outcome{register: register{version: version}, replaced: version - 1}
				h.ops = append(h.ops, op)
			}
		}
	}
}

// The numbers of the clients: first the rotators, then the foreign writer, then the readers.
const rotators, foreignWriter, readers = 6, 6, 4

// Rotators, readers, a foreign writer and a recoverer use one provider, over a network that
// loses requests and responses. What they are told must be one history of a register with
// check-and-set.
func TestLinearizable(t *testing.T) {
	const rounds = 60
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-first"})
	root := vaulttest.Root(t)
	vaulttest.Write(t, root, vaulttest.Mount+"/metadata/"+vaulttest.Base+"/providers/"+p, map[string]any{"max_versions": 5000})
	proxy := clienttest.NewProxy(t)
	rotator := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../../", "rotator"), vaultkit.WithAddress(proxy.URL()))
	reader := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../../", "reader"))
	recoverer := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../../", "recoverer"))
	proxy.SetRule(lossy())
	h := &history{start: time.Now()}
	ctx, stop := context.WithCancel(t.Context())
	var writers, others sync.WaitGroup
	for i := range rotators {
		writers.Go(func() {
			for round := range rounds {
				h.rotate(t, i, rotator, p, fmt.Sprintf("fake-%d-%d", i, round))
			}
		})
	}
	writers.Go(func() {
		for round := range rounds / 2 {
			h.do(foreignWriter, call{fmt.Sprintf("fake-foreign-%d", round)}, func() (outcome, bool) {
				version := vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": fmt.Sprintf("fake-foreign-%d", round)})
				return outcome{register: register{version: version}, replaced: version - 1}, false
			})
		}
	})
	for i := range readers {
		others.Go(func() {
			for ctx.Err() == nil {
				h.do(foreignWriter+1+i, call{}, func() (outcome, bool) {
					return outcome{register: register{key: clienttest.APIKey(t, reader, p)}}, false
				})
			}
		})
	}
	others.Go(func() {
		for ctx.Err() == nil {
			if _, err := recoverer.Recover(t.Context(), p); err != nil {
				t.Errorf("Recover = %v, want success", err)
			}
		}
	})
	writers.Wait()
	stop()
	others.Wait()
	proxy.SetRule(nil)
	h.check(t, p, recoverer)
}

// lossy makes one request in sixteen fail.
func lossy() faultproxy.Rule {
	dice := rand.New(rand.NewPCG(1, 2)) // needs no lock: rules are called one at a time
	faults := []faultproxy.Action{faultproxy.Refuse(), faultproxy.Lose(), faultproxy.Truncate(), faultproxy.Error(500, `{"errors":["x"]}`, true)}
	return func(faultproxy.Request) faultproxy.Action {
		if n := dice.IntN(64); n < len(faults) {
			return faults[n]
		}
		return faultproxy.Pass
	}
}

func (h *history) rotate(t *testing.T, client int, by *vaultkit.Client, provider, key string) {
	h.do(client, call{key}, func() (outcome, bool) {
		r, err := by.Rotate(t.Context(), provider, vaultkit.NewKey(key))
		switch {
		case err == nil:
			return outcome{register: register{version: r.NewVersion}, replaced: r.OldVersion}, false
		case errors.Is(err, vaultkit.ErrUndetermined):
			return outcome{}, true
		case !errors.Is(err, vaultkit.ErrConflict):
			t.Errorf("Rotate = %v, want success, ErrConflict or ErrUndetermined", err)
		}
		return outcome{refused: true}, false
	})
}

// check checks the history, and that Vault shows no refused key and one record for
// each rotation that was applied.
func (h *history) check(t *testing.T, provider string, recoverer *vaultkit.Client) {
	t.Helper()
	if _, err := recoverer.Recover(t.Context(), provider); err != nil {
		t.Fatal(err)
	}
	versions := vaulttest.Snapshot(t, provider)["providers/"+provider].Versions
	h.settle(versions)
	if result := porcupine.CheckOperationsTimeout(casRegister, h.ops, 5*time.Minute); result != porcupine.Ok {
		t.Errorf("CheckOperations of %d operations = %s, want %s", len(h.ops), result, porcupine.Ok)
	}
	records, err := recoverer.History(t.Context(), provider)
	if err != nil {
		t.Fatal(err)
	}
	committed := map[int]int{}
	for _, record := range records {
		if record.Outcome == vaultkit.OutcomeCommitted {
			committed[record.NewVersion]++
		}
	}
	counts := map[string]int{}
	for _, op := range h.ops {
		asked, told := op.Input.(call), op.Output.(outcome)
		switch {
		case asked.key == "":
			counts["reads"]++
		case op.ClientId == foreignWriter:
			counts["foreign writes"]++
		case told.refused:
			counts["conflicts"]++
			if slices.ContainsFunc(versionsOf(versions), func(key any) bool { return key == asked.key }) {
				t.Errorf("Rotate to %s = ErrConflict, but Vault has the key, want no version with it", asked.key)
			}
		default:
			counts["rotations"]++
			if committed[told.version] != 1 {
				t.Errorf("version %d has %d committed records, want 1", told.version, committed[told.version])
			}
		}
	}
	fmt.Printf("linearizable: %d operations %v, %d of them open, %s\n", len(h.ops), counts, len(h.open), time.Since(h.start).Round(time.Second))
	if counts["rotations"] < 50 || counts["conflicts"] == 0 || len(h.ops) < 2000 {
		t.Errorf("%d operations: %v, want at least 2000, 50 rotations and a conflict", len(h.ops), counts)
	}
}

func versionsOf(versions map[int]map[string]any) (keys []any) {
	for _, data := range versions {
		keys = append(keys, data["api_key"])
	}
	return keys
}

// The model finds a lost update and a stale read.
func TestLinearizable_FindsViolations(t *testing.T) {
	set := func(client int, key string, replaced, version int, from, to int64) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: call{key}, Output: outcome{register: register{version: version}, replaced: replaced}, Call: from, Return: to}
	}
	get := func(key string, from, to int64) porcupine.Operation {
		return porcupine.Operation{ClientId: 9, Input: call{}, Output: outcome{register: register{key: key}}, Call: from, Return: to}
	}
	for name, tc := range map[string]struct {
		ops  []porcupine.Operation
		want bool
	}{
		"sequence":           {[]porcupine.Operation{set(1, "a", 1, 2, 0, 1), get("a", 2, 3), set(2, "b", 2, 3, 4, 5), get("b", 6, 7)}, true},
		"read while written": {[]porcupine.Operation{set(1, "a", 1, 2, 0, 9), get("a", 1, 2), get("a", 3, 4)}, true},
		"lost update":        {[]porcupine.Operation{set(1, "a", 1, 2, 0, 1), set(2, "b", 1, 2, 0, 1)}, false},
		"stale read":         {[]porcupine.Operation{set(1, "a", 1, 2, 0, 1), get("fake-first", 2, 3)}, false},
		"there and back":     {[]porcupine.Operation{set(1, "a", 1, 2, 0, 9), get("a", 1, 2), get("fake-first", 3, 4)}, false},
	} {
		if got := porcupine.CheckOperations(casRegister, tc.ops); got != tc.want {
			t.Errorf("%s: linearizable %v, want %v", name, got, tc.want)
		}
	}
}

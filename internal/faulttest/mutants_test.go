package faulttest_test

import (
	"context"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// A driver that finds no violation proves nothing. Each mutant is correct while it is
// undisturbed and must violate the invariant of its mutation. The one without a mutation must
// violate none.
func TestSchedules_FindBrokenRotators(t *testing.T) {
	harness := newHarness(t)
	for mutation, invariants := range map[mutation][]string{
		noMutation:            nil,
		naive:                 {"I1"},
		blindCommit:           {"I1"},
		refusalIsFinal:        {"I3b", "I4b"},
		undeterminedIsFailure: {"I4b"},
		recordFirst:           {"I3a"},
		backupLast:            {"I2"},
		recordIsOptional:      {"I4a"},
		tidy:                  {"I5"},
	} {
		t.Run(string(mutation), func(t *testing.T) {
			harness.wantViolations(t, harness.rotationOf(harness.newMutant(t, mutation)), invariants)
		})
	}
}

// Mutants of recoveries must be found, after rotations by the library.
func TestSchedules_FindBrokenRecoveries(t *testing.T) {
	harness := newHarness(t)
	kv := harness.official(t, mutantPolicy).KVv2(vaulttest.Mount)
	for name, tc := range map[string]struct {
		recover    recoverer
		invariants []string
	}{
		"does nothing":             {recoverNothing, []string{"I3c", "I7"}},
		"aborts what is undecided": {abortAfter(1, kv, harness.driver.Recover), []string{"I3b"}},
		"aborts what lasts":        {abortAfter(5, kv, harness.driver.Recover), []string{"I6"}},
	} {
		t.Run(name, func(t *testing.T) {
			harness.driver.Recover = tc.recover
			harness.wantViolations(t, harness.rotation(), tc.invariants)
		})
	}
}

type recoverer = func(ctx context.Context, run *faulttest.Run) faulttest.Response

func recoverNothing(context.Context, *faulttest.Run) faulttest.Response {
	return faulttest.Response{Actor: "lazy", Status: faulttest.Succeeded}
}

// abortAfter is a recovery that aborts undecided rotations without a fence. It starts to do so
// after the given number of recoveries of a provider.
func abortAfter(patience int64, kv *api.KVv2, right recoverer) recoverer {
	var visits sync.Map
	return func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		told := right(ctx, run)
		count, _ := visits.LoadOrStore(run.Provider, new(atomic.Int64))
		if count.(*atomic.Int64).Add(1) < patience {
			return told
		}
		for id, outcome := range told.Found {
			if outcome == string(protocol.Undecided) {
				w := &mutantRotation{mutant: &mutant{kv: kv}, provider: run.Provider, id: id}
				parsed, err := protocol.ParseID(id)
				vaulttest.Must(err)
				w.source = parsed.Source
				_ = w.once(ctx, w.path("rotations", id), w.recordOf(protocol.Aborted))
			}
		}
		return told
	}
}

// wantViolations runs an operation without faults, which must violate nothing, and with every
// single fault and every rival, which must violate the named invariants.
func (c *harness) wantViolations(t *testing.T, op *faulttest.Operation, invariants []string) {
	t.Helper()
	requests, err := c.driver.Count(t.Context(), op)
	if err != nil {
		t.Fatal(err)
	}
	campaign := faulttest.Campaign{Operations: []*faulttest.Operation{op}, Workers: scheduleWorkers, Out: os.Stdout}
	campaign.Schedules = faulttest.Space{Operation: op.Name, Endings: op.Endings}.Singles()
	if summary := c.driver.RunAll(t.Context(), campaign); summary.Violations > 0 || summary.Schedules != len(campaign.Schedules) {
		t.Errorf("schedules without a fault: %s, want no violation", summary)
	}
	space := faulttest.Space{Operation: op.Name, Requests: requests, Rivals: op.Rivals, Endings: op.Endings, OneEnding: op.OneEnding}
	most := math.MaxInt
	if len(invariants) == 0 {
		most = size().control
	}
	campaign.Schedules = sample(t, slices.Concat(space.Singles(), space.Interleavings()), most)
	unviolated := func(summary *faulttest.Summary) []string {
		return slices.DeleteFunc(slices.Clone(invariants), func(name string) bool { return summary.ByInvariant[name] > 0 })
	}
	if invariants != nil {
		campaign.Out = io.Discard
		campaign.Stop = func(summary *faulttest.Summary) bool { return len(unviolated(summary)) == 0 }
	}
	summary := c.driver.RunAll(t.Context(), campaign)
	t.Logf("%s: %v", summary, summary.ByInvariant)
	if missing := unviolated(summary); len(missing) > 0 {
		t.Errorf("the schedules found no violation of %s, want one of each", missing)
	}
	if len(invariants) == 0 && summary.Violations > 0 {
		t.Errorf("without a mutation the schedules found violations of %s, want none", slices.Sorted(maps.Keys(summary.ByInvariant)))
	}
}

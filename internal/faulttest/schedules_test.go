package faulttest_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/internal/faulttest"
)

// Read before TestMain clears the environment of everything of Vault's.
var (
	everySchedule = os.Getenv("VAULTKIT_LONG") == "1"   // hours: the whole space
	oneSchedule   = os.Getenv("VAULTKIT_SCHEDULE")      // play this one alone, by its name, or all that begin so ("abort/")
	scheduleSeed  = os.Getenv("VAULTKIT_SCHEDULE_SEED") // another sample
)

// scheduleWorkers run at once; most of their time goes into waiting for Vault.
const scheduleWorkers = 8

// TestSchedules runs each operation under single faults, pairs of faults, and
// rivals between any two of its requests, each on a provider of its own, and
// holds what Vault contains then against the protocol's invariants (see the package
// documentation). Every single fault and every interleaving is run each time, with each
// ending, or for operations that hand keys over or bring them back with one; of the
// pairs and of faults together with rivals a sample of each operation's, or with
// VAULTKIT_LONG=1 all. The race detector makes do with a sample of everything.
func TestSchedules(t *testing.T) {
	harness := newHarness(t)
	ops := harness.operations()
	schedules := scheduled(t, harness, ops)
	started := time.Now()
	summary := harness.driver.RunAll(t.Context(), faulttest.Campaign{Operations: ops, Schedules: schedules, Workers: scheduleWorkers, Out: os.Stdout})
	for _, line := range summary.Breakdown() {
		t.Log(line)
	}
	t.Logf("%s in %s", summary, time.Since(started).Round(time.Second))
	fmt.Println(summary)
	if summary.Violations > 0 {
		t.Errorf("%d violations, want 0. To run one of the schedules above alone:\n"+
			"VAULTKIT_SCHEDULE=<name> go test -run TestSchedules -v ./internal/faulttest", summary.Violations)
	}
	if oneSchedule == "" && summary.Schedules < fewestSchedules {
		t.Errorf("only %d schedules, want %d", summary.Schedules, fewestSchedules)
	}
}

// scheduled chooses the schedules to run.
func scheduled(t *testing.T, harness *harness, ops []*faulttest.Operation) []faulttest.Schedule {
	t.Helper()
	var always, sampled []faulttest.Schedule
	t.Logf("seed %s", cmp.Or(scheduleSeed, "1"))
	for _, op := range ops {
		requests, err := harness.driver.Count(t.Context(), op)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s makes %d requests", op.Name, len(requests))
		space := faulttest.Space{Operation: op.Name, Requests: requests, Rivals: op.Rivals, Beyond: 3, Endings: op.Endings,
			OneEnding: op.OneEnding && !everySchedule && oneSchedule == ""}
		always = slices.Concat(always, space.Singles(), space.Interleavings())
		two := slices.Concat(space.Pairs(), space.Crossings())
		if !everySchedule && oneSchedule == "" {
			two = sample(t, two, map[bool]int{false: drawn, true: drawnOfOneEnding}[op.OneEnding])
		}
		sampled = append(sampled, two...)
	}
	t.Logf("%d schedules with one fault or one rival, %d with two", len(always), len(sampled))
	if oneSchedule != "" {
		return slices.DeleteFunc(slices.Concat(always, sampled), func(s faulttest.Schedule) bool { return !strings.HasPrefix(s.String(), oneSchedule) })
	}
	if everySchedule {
		return slices.Concat(always, sampled)
	}
	return slices.Concat(sample(t, always, mostAlways), sampled)
}

// sample draws so many schedules; the same ones each time unless another seed is
// asked for.
func sample(t *testing.T, all []faulttest.Schedule, n int) []faulttest.Schedule {
	t.Helper()
	var seed uint64 = 1
	if scheduleSeed != "" {
		if _, err := fmt.Sscan(scheduleSeed, &seed); err != nil {
			t.Fatal(err)
		}
	}
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}

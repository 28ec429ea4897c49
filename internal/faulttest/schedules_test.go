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

// These are read before TestMain removes Vault's variables from the environment.
var (
	everySchedule = os.Getenv("VAULTKIT_LONG") == "1"   // runs the whole space, for hours
	oneSchedule   = os.Getenv("VAULTKIT_SCHEDULE")      // runs only this one, by its name, or all whose names start with it ("abort/")
	scheduleSeed  = os.Getenv("VAULTKIT_SCHEDULE_SEED") // chooses another sample
)

// scheduleWorkers is the number of schedules that run at once. They mostly wait for Vault.
const scheduleWorkers = 8

// sampleSize is how many schedules run.
type sampleSize struct {
	always                  int // of those with one fault or one rival
	drawn, drawnOfOneEnding int // of those with two, for each operation
	fewest                  int // in all
	control                 int // of a mutant without a mutation
}

// size returns the size of this run's sample. Under -short it is small.
func size() sampleSize {
	if testing.Short() {
		return sampleSize{always: 150, drawn: 1, drawnOfOneEnding: 1, fewest: 150, control: 30}
	}
	return usualSample
}

// TestSchedules runs each operation with single faults, with pairs of faults, and with rivals
// between any two of its requests. Each schedule has its own provider. In the end it compares
// what Vault contains with the protocol's invariants (see the package documentation). All
// schedules with one fault or one rival run each time, with every ending; operations that
// revoke keys or bring them back run with one ending. Of the pairs, and of the faults with
// rivals, each operation runs a sample, or all with VAULTKIT_LONG=1. With the race detector,
// samples of everything run.
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
	if oneSchedule == "" && summary.Schedules < size().fewest {
		t.Errorf("only %d schedules, want %d", summary.Schedules, size().fewest)
	}
}

// scheduled returns the schedules to run.
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
			two = sample(t, two, map[bool]int{false: size().drawn, true: size().drawnOfOneEnding}[op.OneEnding])
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
	return slices.Concat(sample(t, always, size().always), sampled)
}

// sample returns a random sample of so many schedules. It is always the same unless
// VAULTKIT_SCHEDULE_SEED is set.
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

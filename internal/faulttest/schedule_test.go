package faulttest_test

import (
	"slices"
	"testing"

	"goblin/vaultkit/internal/faulttest"
)

var space = faulttest.Space{Operation: "op", Requests: []string{"GET a", "PUT b", "PUT c"}, Rivals: []string{"put", "delete"}, Beyond: 2}

func TestSchedule_Names(t *testing.T) {
	for want, schedule := range map[string]faulttest.Schedule{
		"rotate/nofault/alone/rerun": {Operation: "rotate", Ending: faulttest.Rerun},
		"rotate/3:applied-reset+5:late/put@4/both": {Operation: "rotate", Ending: faulttest.Both,
			Faults: []faulttest.Fault{{N: 3, Kind: "applied-reset"}, {N: 5, Kind: "late"}}, Rival: faulttest.Rival{Name: "put", At: 4}},
		"undo/nofault/twin@end/recover": {Operation: "undo", Ending: faulttest.Recover, Rival: faulttest.Rival{Name: faulttest.Twin, At: faulttest.AtEnd}},
	} {
		if got := schedule.String(); got != want {
			t.Errorf("String() = %s, want %s", got, want)
		}
	}
}

// The space contains every kind of fault at every request (except late reads), every rival at
// every point, and every combination of the two, each once with each of three endings.
func TestSpace_IsComplete(t *testing.T) {
	kinds, late := len(faulttest.Kinds()), 0
	for _, kind := range faulttest.Kinds() {
		if slices.Contains([]string{"late", "later", "late-by-1", "late-by-2", "late-by-3", "late-by-4",
			"deadline-late", "deadline-later", "dies-late", "dies-later"}, kind) {
			late++
		}
	}
	faults, rivals := 3*kinds-late, 2*4
	for name, tc := range map[string]struct {
		schedules []faulttest.Schedule
		want      int
	}{
		"singles":       {space.Singles(), 3 * (1 + faults)},
		"interleavings": {space.Interleavings(), 3 * rivals},
		"crossings":     {space.Crossings(), 3 * rivals * faults},
	} {
		if len(tc.schedules) != tc.want {
			t.Errorf("%d %s, want %d", len(tc.schedules), name, tc.want)
		}
	}
	seen := make(map[string]bool)
	for _, schedule := range slices.Concat(space.Singles(), space.Interleavings(), space.Crossings(), space.Pairs()) {
		if seen[schedule.String()] {
			t.Fatalf("the space has schedule %s twice, want it once", schedule)
		}
		seen[schedule.String()] = true
	}
	for _, name := range []string{
		"op/1:cut+5:applied-500/alone/rerun",     // a retry of a retry
		"op/2:late+3:late/alone/both",            // two requests that arrive late
		"op/3:deadline-later/delete@end/recover", // after everything else
		"op/1:dies/put@1/rerun",
	} {
		if !seen[name] {
			t.Errorf("the space has no schedule %s, want it", name)
		}
	}
	if seen["op/1:dies+2:cut/alone/rerun"] || seen["op/1:late/alone/rerun"] {
		t.Error("the space has a fault after a death or a late read, want neither")
	}
}

// With one ending each, the faults and the rivals get the endings of their space in turn.
func TestSpace_EndingsTakeTurns(t *testing.T) {
	space := space
	space.OneEnding, space.Endings = true, []string{faulttest.Rerun, faulttest.Prune}
	for name, schedules := range map[string][]faulttest.Schedule{"Singles": space.Singles(), "Interleavings": space.Interleavings()} {
		for i, schedule := range schedules {
			if want := space.Endings[i%2]; schedule.Ending != want {
				t.Errorf("%s()[%d] is %s, want it to end with %s", name, i, schedule, want)
			}
		}
	}
}

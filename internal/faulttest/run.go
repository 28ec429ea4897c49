package faulttest

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// run runs one schedule of the operation.
func (d *Driver) run(ctx context.Context, op *Operation, schedule Schedule) result {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	run := d.newRun(op, schedule)
	defer run.cleanUp()
	fired, err := run.execute(ctx)
	if err != nil {
		run.found = append(run.found, Violation{"L", fmt.Sprintf("the schedule could not be run: %v", err)})
	}
	r := result{schedule: schedule, fired: fired || err != nil, violations: run.found}
	if len(r.violations) > 0 {
		r.log = run.Log() + "\nrequests:\n" + strings.Join(run.requests(), "\n")
	}
	return r
}

// execute runs the steps of a schedule. It returns early if a fault or rival met no request,
// because the run is not the one that the schedule's name describes.
func (t *Run) execute(ctx context.Context) (fired bool, err error) {
	if err := t.op.Prepare(ctx, t); err != nil {
		return false, err
	}
	p := t.newExecution(ctx, t.schedule.Faults)
	p.numbering = t.op.trace.begin()
	t.scheduleRival(ctx, p)
	response := t.perform(p, t.op)
	t.checkUndisturbed(response)
	if !p.allFired() || ctx.Err() != nil {
		return false, ctx.Err()
	}
	steps := []func(context.Context) error{
		t.CheckNow, // before anything else runs
		t.runRivalAtEnd,
		func(ctx context.Context) error { return t.deliverLate(ctx, beforeEnding) },
		func(ctx context.Context) error { return t.finish(ctx) },
		func(ctx context.Context) error { return t.deliverLate(ctx, afterEnding) },
		t.checkAtEnd,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return true, err
		}
	}
	return true, nil
}

func (t *Run) violated(invariant, format string, args ...any) {
	t.found = append(t.found, Violation{invariant, fmt.Sprintf(format, args...)})
}

// CheckNow checks the invariants that must always hold.
func (t *Run) CheckNow(ctx context.Context) error {
	found, err := t.checkAgain(ctx, false)
	t.found = append(t.found, found...)
	return err
}

// checkUndisturbed checks invariant L for an operation without faults and rivals.
func (t *Run) checkUndisturbed(response Response) {
	if len(t.schedule.Faults) == 0 && t.schedule.Rival.Name == "" && !t.op.fits(response.Status) {
		t.violated("L", "undisturbed, and %s", response)
	}
}

// scheduleRival makes the rival run at its point. The invariants are checked there too, while
// the operation waits.
func (t *Run) scheduleRival(ctx context.Context, p *execution) {
	rival := t.schedule.Rival
	if rival.Name == "" || rival.At == AtEnd {
		return
	}
	p.rivals[rival.At] = func() {
		if err := t.runRival(ctx); err != nil {
			t.violated("L", "the rival %s failed: %v", rival.Name, err)
		}
	}
}

func (t *Run) runRival(ctx context.Context) error {
	act, ok := t.driver.Rivals[t.schedule.Rival.Name]
	switch {
	case t.schedule.Rival.Name == Twin:
		t.rerun(ctx, true)
	case t.schedule.Rival.Name == Recover:
		t.AddResponse(t.driver.Recover(ctx, t))
	case !ok:
		return fmt.Errorf("unknown rival")
	default:
		if err := act(ctx, t); err != nil {
			return err
		}
	}
	return t.CheckNow(ctx)
}

func (t *Run) runRivalAtEnd(ctx context.Context) error {
	if t.schedule.Rival.Name == "" || t.schedule.Rival.At != AtEnd {
		return nil
	}
	return t.runRival(ctx)
}

// deliverLate delivers the late requests that are due, of every execution.
func (t *Run) deliverLate(ctx context.Context, when int) error {
	arrived := false
	for _, p := range t.executions {
		arrived = p.deliverAt(when) || arrived
	}
	if !arrived {
		return nil
	}
	return t.CheckNow(ctx)
}

// finish runs the schedule's ending.
func (t *Run) finish(ctx context.Context) error {
	switch t.schedule.Ending {
	case Rerun:
		t.rerun(ctx, true)
	case Recover:
		t.recoverTwice(ctx)
	case Prune:
		return t.prune(ctx)
	case Both:
		var wg sync.WaitGroup
		wg.Go(func() { t.rerun(ctx, false) })
		recovery := t.driver.Recover(ctx, t)
		wg.Wait()
		t.AddResponse(recovery)
	default:
		return fmt.Errorf("unknown ending %q", t.schedule.Ending)
	}
	return t.CheckNow(ctx)
}

// prune first delivers late requests and recovers, so that no backup is kept because its record
// is missing.
func (t *Run) prune(ctx context.Context) error {
	if err := t.deliverLate(ctx, afterEnding); err != nil {
		return err
	}
	t.recoverTwice(ctx)
	act, ok := t.driver.Rivals[Prune]
	if !ok {
		return fmt.Errorf("there is no rival that prunes")
	}
	if err := act(ctx, t); err != nil {
		return err
	}
	return t.CheckNow(ctx)
}

func (t *Run) rerun(ctx context.Context, alone bool) {
	response := t.op.Rerun(ctx, t)
	response.Alone = alone
	t.AddResponse(response)
	if response.Status == Succeeded || t.mayFail(response) {
		return
	}
	if revoking, err := t.observer.revoking(ctx, t.Provider); err != nil || !revoking {
		t.violated("L", "%s (%v)", response, err)
	}
}

// mayFail reports whether a rerun may fail: it changes a deleted version, or restores a pruned
// backup.
func (t *Run) mayFail(response Response) bool {
	deleted := len(t.deleted) > 0 && !response.Wants.OverDeleted
	return t.op.Once || t.op.Refused || t.op.Contested && t.schedule.Rival.Name != "" || deleted || t.pruned[response.Wants.Restore]
}

// recoverTwice runs two recoveries at the same time. They must agree: the first half of I6.
func (t *Run) recoverTwice(ctx context.Context) {
	var other Response
	var wg sync.WaitGroup
	wg.Go(func() { other = t.driver.Recover(ctx, t) })
	one := t.driver.Recover(ctx, t)
	wg.Wait()
	t.AddResponse(one)
	t.AddResponse(other)
	for _, response := range []Response{one, other} {
		if response.Status != Succeeded {
			t.violated("L", "%s", response)
		}
	}
	for id, outcome := range one.Found {
		if said, too := other.Found[id]; too && said != outcome {
			t.violated("I6", "two concurrent recoveries report %s as %s and as %s", id, outcome, said)
		}
	}
}

// checkAtEnd undeletes what was deleted, recovers, and checks the invariants that hold at the
// end. A second recovery must change nothing: the second half of I6.
func (t *Run) checkAtEnd(ctx context.Context) error {
	if len(t.deleted) > 0 {
		if err := t.observer.Undelete(ctx, t.Provider, slices.Collect(maps.Keys(t.deleted))); err != nil {
			return err
		}
	}
	t.recoverTwice(ctx)
	found, err := t.checkAgain(ctx, true)
	t.found = append(t.found, found...)
	if err != nil {
		return err
	}
	again := t.driver.Recover(ctx, t)
	t.AddResponse(again)
	after, err := t.observer.Read(ctx, t.Provider)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(t.facts, after) { // a full read, so it also finds what was overwritten
		t.violated("I6", "a second recovery changed what Vault stores, or it was overwritten before")
	}
	for id, outcome := range again.Found {
		if outcome == "committed" || outcome == "aborted" {
			t.violated("I6", "a second recovery decided %s: %s", id, outcome)
		}
	}
	return nil
}

func (t *Run) requests() []string {
	var all []string
	for _, p := range t.executions {
		p.mu.Lock()
		all = append(all, p.requests...)
		p.mu.Unlock()
	}
	return all
}

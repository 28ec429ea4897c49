package faulttest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// result is what became of one schedule.
type result struct {
	schedule   Schedule
	fired      bool
	violations []Violation
	log        string
}

// Summary counts schedules.
type Summary struct {
	Schedules   int            // that were what their names say
	Unfired     int            // that were not: a fault or a rival met no request
	Violations  int            // schedules with violations
	Sorts       map[string]int // schedules, by operation and sort
	ByInvariant map[string]int // schedules, by invariant violated
}

// String is the one line that says it all.
func (t *Summary) String() string {
	return fmt.Sprintf("%d schedules, %d violations", t.Schedules, t.Violations)
}

// Breakdown is the number of schedules of each sort, one a line.
func (t *Summary) Breakdown() []string {
	lines := []string{fmt.Sprintf("%d more fell out: a fault or rival met no request", t.Unfired)}
	for _, sort := range slices.Sorted(maps.Keys(t.Sorts)) {
		lines = append(lines, fmt.Sprintf("%6d %s", t.Sorts[sort], sort))
	}
	return lines
}

// Campaign is a number of schedules to run.
type Campaign struct {
	Operations []*Operation
	Schedules  []Schedule
	Workers    int                 // how many at once
	Out        io.Writer           // gets each schedule that violates something
	Stop       func(*Summary) bool // ends the campaign early; nil: never
}

// RunAll runs a campaign.
func (d *Driver) RunAll(ctx context.Context, s Campaign) *Summary {
	ops := make(map[string]*Operation)
	for _, op := range s.Operations {
		ops[op.Name] = op
	}
	todo, done := make(chan Schedule), make(chan result)
	var workers sync.WaitGroup
	for range s.Workers {
		workers.Go(func() {
			for schedule := range todo {
				done <- d.run(ctx, ops[schedule.Operation], schedule)
			}
		})
	}
	stop := make(chan struct{})
	go func() {
		s.dispatch(todo, stop)
		workers.Wait()
		close(done)
	}()
	summary, stopped := &Summary{Sorts: map[string]int{}, ByInvariant: map[string]int{}}, false
	for r := range done {
		summary.add(r, s.Out)
		if summary.Schedules%1000 == 0 {
			d.proxy.Reset() // its log would grow
		}
		if !stopped && s.Stop != nil && s.Stop(summary) {
			stopped = true
			close(stop)
		}
	}
	return summary
}

func (s Campaign) dispatch(todo chan<- Schedule, stop <-chan struct{}) {
	defer close(todo)
	for _, schedule := range s.Schedules {
		select {
		case todo <- schedule:
		case <-stop:
			return
		}
	}
}

func (t *Summary) add(r result, out io.Writer) {
	if !r.fired {
		t.Unfired++
		return
	}
	t.Schedules++
	t.Sorts[r.schedule.Operation+", "+r.schedule.Sort()]++
	if len(r.violations) == 0 {
		return
	}
	t.Violations++
	names := make(map[string]bool)
	for _, violation := range r.violations {
		names[violation.Invariant] = true
	}
	for name := range names {
		t.ByInvariant[name]++
	}
	fmt.Fprintf(out, "\n%s\n", r.schedule)
	for _, violation := range r.violations {
		fmt.Fprintln(out, "  "+violation.String())
	}
	fmt.Fprintln(out, r.log)
}

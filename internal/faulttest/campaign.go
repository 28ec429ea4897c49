package faulttest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// result is the result of one schedule.
type result struct {
	schedule   Schedule
	fired      bool
	violations []Violation
	log        string
}

// Summary counts schedules.
type Summary struct {
	Schedules   int            // schedules that ran as their names say
	Unfired     int            // schedules in which a fault or rival met no request
	Violations  int            // schedules with violations
	Sorts       map[string]int // schedules, by operation and sort
	ByInvariant map[string]int // schedules, by invariant violated
}

// String returns the counts that matter, on one line.
func (t *Summary) String() string {
	return fmt.Sprintf("%d schedules, %d violations", t.Schedules, t.Violations)
}

// Breakdown returns the number of schedules of each sort, one line each.
func (t *Summary) Breakdown() []string {
	lines := []string{fmt.Sprintf("%d more did not count: a fault or rival met no request", t.Unfired)}
	for _, sort := range slices.Sorted(maps.Keys(t.Sorts)) {
		lines = append(lines, fmt.Sprintf("%6d %s", t.Sorts[sort], sort))
	}
	return lines
}

// Campaign is a list of schedules to run.
type Campaign struct {
	Operations []*Operation
	Schedules  []Schedule
	Workers    int                 // how many schedules run at the same time
	Out        io.Writer           // each schedule with a violation is written to it
	Stop       func(*Summary) bool // reports whether to end the campaign early; nil: never
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
			d.proxy.Reset() // otherwise its log grows
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

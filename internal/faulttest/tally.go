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
	story      string
}

// Tally counts schedules.
type Tally struct {
	Schedules  int            // that were what their names say
	Unfired    int            // that were not: a fault or a rival met no request
	Violations int            // schedules with violations
	Sorts      map[string]int // schedules, by operation and sort
	Convicted  map[string]int // schedules, by invariant violated
}

// String is the one line that says it all.
func (t *Tally) String() string {
	return fmt.Sprintf("%d schedules, %d violations", t.Schedules, t.Violations)
}

// Breakdown is the number of schedules of each sort, one a line.
func (t *Tally) Breakdown() []string {
	lines := []string{fmt.Sprintf("%d more fell out: a fault or rival met no request", t.Unfired)}
	for _, sort := range slices.Sorted(maps.Keys(t.Sorts)) {
		lines = append(lines, fmt.Sprintf("%6d %s", t.Sorts[sort], sort))
	}
	return lines
}

// Season is a number of schedules to play.
type Season struct {
	Operations []*Operation
	Schedules  []Schedule
	Workers    int               // how many at once
	Out        io.Writer         // gets each schedule that violates something
	Enough     func(*Tally) bool // ends the season early; nil: never
}

// PlayAll plays a season.
func (d *Driver) PlayAll(ctx context.Context, s Season) *Tally {
	ops := make(map[string]*Operation)
	for _, op := range s.Operations {
		ops[op.Name] = op
	}
	todo, done := make(chan Schedule), make(chan result)
	var crew sync.WaitGroup
	for range s.Workers {
		crew.Go(func() {
			for schedule := range todo {
				done <- d.play(ctx, ops[schedule.Operation], schedule)
			}
		})
	}
	stop := make(chan struct{})
	go func() {
		s.handOut(todo, stop)
		crew.Wait()
		close(done)
	}()
	tally, stopped := &Tally{Sorts: map[string]int{}, Convicted: map[string]int{}}, false
	for r := range done {
		tally.add(r, s.Out)
		if tally.Schedules%1000 == 0 {
			d.wire.Reset() // its log would grow
		}
		if !stopped && s.Enough != nil && s.Enough(tally) {
			stopped = true
			close(stop)
		}
	}
	return tally
}

func (s Season) handOut(todo chan<- Schedule, stop <-chan struct{}) {
	defer close(todo)
	for _, schedule := range s.Schedules {
		select {
		case todo <- schedule:
		case <-stop:
			return
		}
	}
}

func (t *Tally) add(r result, out io.Writer) {
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
		t.Convicted[name]++
	}
	fmt.Fprintf(out, "\n%s\n", r.schedule)
	for _, violation := range r.violations {
		fmt.Fprintln(out, "  "+violation.String())
	}
	fmt.Fprintln(out, r.story)
}

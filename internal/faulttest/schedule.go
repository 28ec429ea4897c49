package faulttest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Schedule is one way in which an operation can be disturbed. Its name describes it:
// rotate/3:applied-reset+5:late/put@4/rerun is a Rotate whose third request is applied and
// answered by a reset, and whose fifth arrives late. Before its fourth a foreign writer writes
// a value. At the end it is run again.
type Schedule struct {
	Operation string
	Faults    []Fault // by request, the earliest first
	Rival     Rival
	Ending    string
}

// Fault is what happens to the operation's nth request.
type Fault struct {
	N    int
	Kind string
}

// Rival is the actor that runs in between. The zero value means no rival.
type Rival struct {
	Name string
	At   int // before this request; AtEnd: after the operation
}

// AtEnd is the point after the operation's last request.
const AtEnd = -1

// Twin is the rival that does the same as the operation. A recovery can be a rival too, under
// the name of that ending.
const Twin = "twin"

// The endings of a schedule.
const (
	Rerun   = "rerun"   // the operation again, by another client
	Recover = "recover" // two recoveries at the same time, by other clients
	Both    = "both"    // a rerun and a recovery at the same time
	Prune   = "prune"   // the late requests arrive, then a recovery, then the rival of this name
)

func (s Schedule) String() string {
	var faults []string
	for _, f := range s.Faults {
		faults = append(faults, fmt.Sprintf("%d:%s", f.N, f.Kind))
	}
	return strings.Join([]string{s.Operation, cmp.Or(strings.Join(faults, "+"), "nofault"), s.Rival.String(), s.Ending}, "/")
}

func (r Rival) String() string {
	switch {
	case r.Name == "":
		return "alone"
	case r.At == AtEnd:
		return r.Name + "@end"
	}
	return fmt.Sprintf("%s@%d", r.Name, r.At)
}

// Sort returns which part of the space the schedule belongs to.
func (s Schedule) Sort() string {
	sort := []string{"no fault", "one fault", "two faults"}[len(s.Faults)]
	if s.Rival.Name != "" {
		sort += " and a rival"
	}
	return sort
}

// Space describes the schedules of one operation.
type Space struct {
	Operation string
	Requests  []string // "METHOD path" of an undisturbed run
	Rivals    []string
	Beyond    int      // how many requests a retry may add, which a second fault can meet
	Endings   []string // nil: all except Prune
	// OneEnding gives each schedule one ending, in turn, instead of all.
	OneEnding bool
}

// usualEndings are the endings of an operation that names none.
var usualEndings = []string{Rerun, Recover, Both}

// Singles returns the undisturbed run and every fault at every request, with every ending.
func (s Space) Singles() []Schedule {
	all := s.ended(0, Schedule{})
	for i, fault := range s.faults() {
		all = append(all, s.ended(i+1, Schedule{Faults: []Fault{fault}})...)
	}
	return all
}

// Interleavings returns every rival at every point between two requests, with every ending.
func (s Space) Interleavings() []Schedule {
	var all []Schedule
	for i, rival := range s.rivals() {
		all = append(all, s.ended(i, Schedule{Rival: rival})...)
	}
	return all
}

// Crossings returns every fault together with every rival at every point.
func (s Space) Crossings() []Schedule {
	var all []Schedule
	for i, rival := range s.rivals() {
		for j, fault := range s.faults() {
			all = append(all, s.ended(i+j, Schedule{Faults: []Fault{fault}, Rival: rival})...)
		}
	}
	return all
}

// Pairs returns every pair of faults. The second fault may meet a request that exists only
// because of the first. Pairs whose second fault meets no request are counted as unfired.
func (s Space) Pairs() []Schedule {
	var all []Schedule
	for _, first := range s.faults() {
		if kinds[first.Kind].last {
			continue
		}
		for n := first.N + 1; n <= len(s.Requests)+s.Beyond; n++ {
			for _, kind := range Kinds() {
				if n <= len(s.Requests) || kinds[first.Kind].retried {
					all = append(all, s.ended(len(all), Schedule{Faults: []Fault{first, {N: n, Kind: kind}}})...)
				}
			}
		}
	}
	return all
}

// ended returns the schedule with each ending or, with OneEnding, with the ending whose turn it
// is.
func (s Space) ended(turn int, schedule Schedule) []Schedule {
	endings := s.Endings
	if endings == nil {
		endings = usualEndings
	}
	if s.OneEnding {
		endings = endings[turn%len(endings):][:1]
	}
	all := make([]Schedule, len(endings))
	for i, ending := range endings {
		all[i] = schedule
		all[i].Operation, all[i].Ending = s.Operation, ending
	}
	return all
}

// faults returns every kind of fault at every request. Only a write can be late.
func (s Space) faults() []Fault {
	var all []Fault
	for i, request := range s.Requests {
		for _, kind := range Kinds() {
			if !kinds[kind].write || !strings.HasPrefix(request, "GET ") && !strings.HasSuffix(request, concurrentMark) {
				all = append(all, Fault{N: i + 1, Kind: kind})
			}
		}
	}
	return all
}

func (s Space) rivals() []Rival {
	var all []Rival
	for _, name := range s.Rivals {
		for at := range len(s.Requests) {
			all = append(all, Rival{Name: name, At: at + 1})
		}
		all = append(all, Rival{Name: name, At: AtEnd})
	}
	return all
}

// Kinds returns the names of the kinds of faults, sorted.
func Kinds() []string {
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

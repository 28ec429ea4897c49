package faulttest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Schedule is one way an operation can go. Its name says all of it:
// rotate/3:applied-reset+5:late/put@4/rerun is a Rotate whose third request is
// applied and answered by a reset and whose fifth arrives late; before its fourth
// a foreign writer puts a value; in the end it is run again.
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

// Rival is who comes in between. The zero value is nobody.
type Rival struct {
	Name string
	At   int // before this request; AtEnd: after the operation
}

// AtEnd is the point after the operation's last request.
const AtEnd = -1

// Twin is the rival that does the same as the operation. A recovery by another
// client is one too, under the name of that ending.
const Twin = "twin"

// The endings of a schedule.
const (
	Rerun   = "rerun"   // the same again, by another client
	Recover = "recover" // two recoveries at once, by other clients
	Both    = "both"    // a rerun and a recovery at once
	Prune   = "prune"   // all that is on its way arrives, a recovery, and then the rival of this name
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

// Sort says which part of the space a schedule belongs to.
func (s Schedule) Sort() string {
	sort := []string{"no fault", "one fault", "two faults"}[len(s.Faults)]
	if s.Rival.Name != "" {
		sort += " and a rival"
	}
	return sort
}

// Space is what one operation's schedules are made of.
type Space struct {
	Operation string
	Requests  []string // "METHOD path" of an undisturbed run
	Rivals    []string
	Beyond    int      // how many more requests a retry may make, for a second fault to meet
	Endings   []string // of all there are; nil: all but Prune
	// OneEnding gives each fault, and each rival at each point, one ending: they take
	// turns. Otherwise each gets all.
	OneEnding bool
}

// usualEndings are those of operations that name no others.
var usualEndings = []string{Rerun, Recover, Both}

// Singles are the undisturbed run and every fault at every request, with every
// ending.
func (s Space) Singles() []Schedule {
	all := s.ended(0, Schedule{})
	for i, fault := range s.faults() {
		all = append(all, s.ended(i+1, Schedule{Faults: []Fault{fault}})...)
	}
	return all
}

// Interleavings are every rival at every point between two requests, with every
// ending.
func (s Space) Interleavings() []Schedule {
	var all []Schedule
	for i, rival := range s.rivals() {
		all = append(all, s.ended(i, Schedule{Rival: rival})...)
	}
	return all
}

// Crossings are every fault together with every rival at every point.
func (s Space) Crossings() []Schedule {
	var all []Schedule
	for i, rival := range s.rivals() {
		for j, fault := range s.faults() {
			all = append(all, s.ended(i+j, Schedule{Faults: []Fault{fault}, Rival: rival})...)
		}
	}
	return all
}

// Pairs are every two faults. The second may meet a request that there is only
// because of the first: those that meet none are found out when they are run.
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

// ended gives a schedule its endings, or with OneEnding the one whose turn it is.
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

// faults are every kind at every request. Only a write can be late.
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

// Kinds names every kind of fault, sorted.
func Kinds() []string {
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

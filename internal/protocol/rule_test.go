package protocol_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/protocol"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(second int) time.Time { return epoch.Add(time.Duration(second) * time.Second) }

// listed returns a provider whose versions oldest..current were written at seconds
// 1..current.
func listed(oldest, current int) protocol.Provider {
	p := protocol.Provider{Current: current, Oldest: oldest, Created: at(1), Versions: map[int]time.Time{}}
	for v := max(oldest, 1); v <= current; v++ {
		p.Versions[v] = at(v)
	}
	return p
}

func TestRule(t *testing.T) {
	old, next, other := []byte("old"), []byte("next"), []byte("other")
	id := protocol.NewID(at(3), 3, old, next)
	link := func(second, source int, data []byte) []protocol.LaterBackup {
		return []protocol.LaterBackup{{ID: protocol.NewID(at(second), source, data, []byte("x")), Data: data}}
	}
	recreated := listed(0, 6)
	recreated.Versions[3] = at(100)
	anew := listed(0, 2)
	anew.Created = at(50)
	younger := listed(5, 8)
	younger.Created = at(50)
	for name, tc := range map[string]struct {
		facts protocol.Facts
		want  protocol.Outcome
	}{
		"running":                                     {protocol.Facts{Backup: old, Provider: listed(0, 3)}, protocol.Undecided},
		"running, no backup yet":                      {protocol.Facts{Provider: listed(0, 3)}, protocol.Undecided},
		"running, stray data of the next":             {protocol.Facts{Backup: old, Provider: listed(0, 3), Next: next}, protocol.Undecided},
		"committed":                                   {protocol.Facts{Backup: old, Provider: listed(0, 4), Next: next}, protocol.Committed},
		"committed long ago":                          {protocol.Facts{Backup: old, Provider: listed(0, 9), Next: next}, protocol.Committed},
		"committed, source pruned":                    {protocol.Facts{Backup: old, Provider: listed(4, 9), Next: next}, protocol.Committed},
		"another write came first":                    {protocol.Facts{Backup: old, Provider: listed(0, 4), Next: other}, protocol.Aborted},
		"another write, of the same value as before":  {protocol.Facts{Backup: old, Provider: listed(0, 4), Next: old}, protocol.Aborted},
		"next unreadable":                             {protocol.Facts{Backup: old, Provider: listed(0, 5)}, protocol.Unknown},
		"next pruned, a later backup shows committed": {protocol.Facts{Backup: old, Provider: listed(5, 9), LaterBackups: link(4, 4, next)}, protocol.Committed},
		"next pruned, a later backup shows aborted":   {protocol.Facts{Backup: old, Provider: listed(5, 9), LaterBackups: link(4, 4, other)}, protocol.Aborted},
		"later backup of another version":             {protocol.Facts{Backup: old, Provider: listed(6, 9), LaterBackups: link(5, 5, next)}, protocol.Unknown},
		"later backup without data":                   {protocol.Facts{Backup: old, Provider: listed(5, 9), LaterBackups: []protocol.LaterBackup{{ID: protocol.NewID(at(4), 4, nil, nil)}}}, protocol.Unknown},
		"later backup of an older generation":         {protocol.Facts{Backup: old, Provider: listed(5, 9), LaterBackups: link(0, 4, next)}, protocol.Unknown},
		"later backup whose clock stepped back":       {protocol.Facts{Backup: old, Provider: listed(5, 9), LaterBackups: link(2, 4, next)}, protocol.Committed},
		"no backup":                                   {protocol.Facts{Provider: listed(0, 4), Next: next}, protocol.Unknown},
		"recreated, current lower":                    {protocol.Facts{Backup: old, Provider: anew, Next: next}, protocol.Recreated},
		"metadata of an older state":                  {protocol.Facts{Backup: old, Provider: listed(0, 2), Next: next}, protocol.Unknown},
		"provider deleted":                            {protocol.Facts{Backup: old}, protocol.Recreated},
		"recreated and past the source":               {protocol.Facts{Backup: old, Provider: recreated, Next: next}, protocol.Recreated},
		"recreated, back at the source":               {protocol.Facts{Backup: old, Provider: protocol.Provider{Current: 3, Created: at(90), Versions: map[int]time.Time{3: at(100)}}}, protocol.Recreated},
		"source pruned, older than provider":          {protocol.Facts{Backup: old, Provider: younger, Next: next}, protocol.Unknown},
		"source neither listed nor pruned":            {protocol.Facts{Backup: old, Provider: protocol.Provider{Current: 4, Created: at(1), Versions: map[int]time.Time{4: at(4)}}, Next: next}, protocol.Unknown},
		"created the same instant as version1":        {protocol.Facts{Backup: old, Provider: protocol.Provider{Current: 5, Oldest: 4, Created: at(3), Versions: map[int]time.Time{4: at(4), 5: at(5)}}, Next: next}, protocol.Committed},
	} {
		t.Run(name, func(t *testing.T) {
			tc.facts.ID = id
			if got := protocol.Resolve(tc.facts); got != tc.want {
				t.Errorf("Resolve = %s, want %s", got, tc.want)
			}
		})
	}
}

// world is the whole history of a provider. The rule sees only the part that pruning, deletions and
// missing backups leave.
type world struct {
	values  [][]byte // values[v] is what version v held; values[0] is unused
	written []time.Time
	maxV    int
}

func worlds() *rapid.Generator[world] {
	return rapid.Custom(func(t *rapid.T) world {
		w := world{values: [][]byte{nil}, written: []time.Time{{}}, maxV: rapid.IntRange(1, 10).Draw(t, "max_versions")}
		for v := 1; v <= rapid.IntRange(1, 12).Draw(t, "versions"); v++ {
			// few values, so that some occur twice
			w.values = append(w.values, fmt.Appendf(nil, "value-%d", rapid.IntRange(1, 3).Draw(t, "value")))
			// The clock may step back between any two of them.
			w.written = append(w.written, at(100*rapid.IntRange(0, 20).Draw(t, "clock")+v))
		}
		return w
	})
}

// facts returns what a reader sees when the world has now versions. At random it can read version s+1
// and the other backups, or not.
func (w world) facts(t *rapid.T, id protocol.ID, now int) protocol.Facts {
	f := protocol.Facts{ID: id, Provider: protocol.Provider{Current: now, Created: w.written[1], Versions: map[int]time.Time{}}}
	if now > w.maxV {
		f.Provider.Oldest = now - w.maxV + 1
	}
	for v := max(f.Provider.Oldest, 1); v <= now; v++ {
		f.Provider.Versions[v] = w.written[v]
	}
	if rapid.Bool().Draw(t, "backup arrived") {
		f.Backup = w.values[id.Source]
	}
	next := id.Source + 1
	if _, whole := f.Provider.Versions[next]; whole && rapid.Bool().Draw(t, "next readable") {
		f.Next = w.values[next]
	}
	if next < now && rapid.Bool().Draw(t, "next was rotated") {
		f.LaterBackups = []protocol.LaterBackup{{ID: protocol.NewID(w.written[next], next, w.values[next], []byte("later")), Data: w.values[next]}}
	}
	return f
}

// At every time, and with any part of the facts, the rule decides committed or aborted only if that
// is true. So it never decides both.
func TestRuleNeverContradictsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := worlds().Draw(t, "world")
		source := rapid.IntRange(1, len(w.values)-1).Draw(t, "source")
		wanted := fmt.Appendf(nil, "value-%d", rapid.IntRange(1, 3).Draw(t, "wanted"))
		id := protocol.NewID(w.written[source], source, w.values[source], wanted)
		last := len(w.values) - 1
		committed := source < last && string(w.values[source+1]) == string(wanted)
		for now := source; now <= last; now++ {
			got := protocol.Resolve(w.facts(t, id, now))
			switch {
			case got == protocol.Recreated:
				t.Fatalf("at version %d: Resolve = %s without a deletion, want another outcome", now, got)
			case (got == protocol.Undecided) != (now == source): // its source is listed then
				t.Fatalf("at version %d: Resolve = %s, want undecided exactly at the source version %d", now, got, source)
			case got == protocol.Committed && !committed, got == protocol.Aborted && committed:
				t.Fatalf("at version %d: Resolve = %s, want committed: %t", now, got, committed)
			}
		}
	})
}

// A provider deleted and written anew is never taken for the old one. Where the source
// version is no longer listed, that cannot be known.
func TestRuleSeesANewGeneration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := worlds().Draw(t, "new world")
		source := rapid.IntRange(1, 12).Draw(t, "source")
		id := protocol.NewID(at(-100+source), source, []byte("old"), []byte("value-1"))
		now := rapid.IntRange(1, len(w.values)-1).Draw(t, "now")
		f := protocol.Facts{ID: id, Backup: []byte("old"), Provider: w.facts(t, protocol.ID{Source: 1}, now).Provider, Next: []byte("value-1")}
		got, listed := protocol.Resolve(f), !f.Provider.Versions[source].IsZero()
		if got != protocol.Recreated && (listed || got != protocol.Unknown) {
			t.Fatalf("Resolve = %s with the source listed: %t, want recreated, or unknown without it", got, listed)
		}
	})
}

package protocol_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/protocol"
)

func times() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
	})
}

const goodID = "20251126T110000.120000000Z-v7-feb942056461604933ba4234c687044a"

// The id is fixed: if it changed between releases, a rerun would not find the backup of an earlier
// run.
func TestIDIsStable(t *testing.T) {
	inForce := time.Date(2025, 11, 26, 12, 0, 0, 120_000_000, time.FixedZone("", 3600))
	id := protocol.NewID(inForce, 7, []byte(`{"api_key":"old-fake"}`), []byte(`{"api_key":"new-fake"}`))
	if id.String() != goodID {
		t.Errorf("NewID = %s, want %s", id, goodID)
	}
	if got := protocol.KeyName("openai", inForce, 7); got != "vaultkit-openai-v8-20251126T110000.120000000Z" {
		t.Errorf("KeyName = %s, want the provider, version 8 and the time in UTC", got)
	}
}

func TestIDRoundTripsAndMatchesItsChangeOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, next := []byte(rapid.String().Draw(t, "old")), []byte(rapid.String().Draw(t, "next"))
		id := protocol.NewID(times().Draw(t, "T"), rapid.IntRange(1, 1<<40).Draw(t, "s"), old, next)
		parsed, err := protocol.ParseID(id.String())
		if err != nil || parsed != id {
			t.Fatalf("ParseID(%s) = %v, %v, want the same id", id, parsed, err)
		}
		other := []byte(rapid.String().Draw(t, "other"))
		if !id.Matches(old, next) || id.Matches(old, other) != (string(other) == string(next)) {
			t.Fatalf("Matches differs for %q and %q, want true only for the id's own change", next, other)
		}
	})
}

func TestIDsSortByTimeAsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) protocol.ID {
			return protocol.NewID(times().Draw(t, "T"), rapid.IntRange(1, 9).Draw(t, "s"), nil, []byte(rapid.String().Draw(t, "new")))
		}), 2, 8).Draw(t, "ids")
		slices.SortFunc(ids, protocol.ID.Compare)
		texts := make([]string, len(ids))
		for i, id := range ids {
			texts[i] = id.String()
			if i > 0 && ids[i-1].InForce.After(id.InForce) {
				t.Fatalf("ids sorted by Compare = %s, want them in order of time", texts[:i+1])
			}
		}
		if !slices.IsSorted(texts) {
			t.Fatalf("ids as text = %q, want them ordered by time", texts)
		}
	})
}

func TestParseIDRefuses(t *testing.T) {
	good := goodID
	if _, err := protocol.ParseID(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "x", good + "0", good[:len(good)-1], strings.ToUpper(good), strings.Replace(good, "v7", "v07", 1),
		strings.Replace(good, "v7", "v0", 1), strings.Replace(good, "v7", "v-1", 1), strings.Replace(good, "v7", "7", 1),
		strings.Replace(good, ".120000000", ".12", 1), strings.Replace(good, "1126", "1326", 1),
		strings.Replace(good, "feb9", "zzzz", 1), good + "-x", " " + good, "../" + good, strings.Repeat("a-", 300),
		"20250101T000000Z", // of the Python program before vaultkit
	} {
		if id, err := protocol.ParseID(bad); err == nil {
			t.Errorf("ParseID(%q) = %v, want an error", bad, id)
		} else if len(err.Error()) > 400 {
			t.Errorf("ParseID(%.20q…): the error has %d bytes, want a short one", bad, len(err.Error()))
		}
	}
}

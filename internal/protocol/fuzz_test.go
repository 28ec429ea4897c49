package protocol_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/protocol"
)

// The properties below hold for whatever somebody stored. Each fuzz target feeds
// one of them with raw bytes; where the odd input is a well-formed one, a rapid
// test feeds it too.

func FuzzDecodeRecord(f *testing.F) {
	f.Add("i", []byte(goodRecord))
	full, err := fullRecord.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(fullRecord.ID, []byte(full))
	known := keysOf(f, full)
	f.Fuzz(func(t *testing.T, id string, stored []byte) {
		record, err := protocol.DecodeRecord(id, stored)
		if err != nil {
			return
		}
		if record.Schema != protocol.Schema || record.ID != id {
			t.Fatalf("accepted as schema %d of id %q", record.Schema, record.ID)
		}
		if !slices.Contains([]protocol.Outcome{protocol.Committed, protocol.Aborted, protocol.Unknown}, record.Outcome) {
			t.Fatalf("accepted with outcome %q", record.Outcome)
		}
		for key := range keysOf(t, stored) {
			if !known[key] {
				t.Fatalf("accepted with the key %q", key)
			}
		}
		checkRecordRoundTrips(t, record)
	})
}

// keysOf are the keys of a JSON object and of the objects in it. It fails for
// anything else, and for an object with something behind it.
func keysOf(t rapid.TB, text []byte) map[string]bool {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatalf("no JSON object: %v", err)
	}
	found := make(map[string]bool)
	for key, value := range object {
		found[key] = true
		inner, _ := value.(map[string]any)
		for key := range inner {
			found[key] = true
		}
	}
	return found
}

func checkRecordRoundTrips(t rapid.TB, record protocol.Record) {
	t.Helper()
	stored, err := record.Encode()
	if err != nil {
		t.Fatalf("cannot be stored: %v", err)
	}
	again, err := protocol.DecodeRecord(record.ID, stored)
	if err != nil {
		t.Fatalf("cannot be read back: %v", err)
	}
	if restored, err := again.Encode(); err != nil || !bytes.Equal(restored, stored) {
		t.Fatalf("stored %s, then %s, %v", stored, restored, err)
	}
}

func FuzzDecodeAttribution(f *testing.F) {
	f.Add("ci", "quarterly", "given", "2026-01-01T00:00:00.12Z", "2026-04-01T00:00:00Z")
	f.Fuzz(func(t *testing.T, actor, reason, source, started, expires string) {
		metadata := map[string]string{"actor": actor, "reason": reason, "source": source, "started_at": started, "expires_at": expires}
		for key, value := range metadata {
			metadata[key] = strings.ToValidUTF8(value, "?") // it has come in JSON
		}
		checkClaim(t, protocol.DecodeAttribution(metadata))
	})
}

// checkClaim: a claim survives being stored, and the record of a recovery that
// takes it over can be written.
func checkClaim(t rapid.TB, claim protocol.Attribution) {
	t.Helper()
	encoded := claim.Encode()
	for key, value := range encoded {
		if value == "" {
			t.Fatalf("%s is empty, KV v2 takes 1 to 512 bytes", key)
		}
	}
	if got := protocol.DecodeAttribution(encoded); got != claim {
		t.Fatalf("DecodeClaim = %+v, want %+v", got, claim)
	}
	checkRecordRoundTrips(t, protocol.Record{ID: "i", Outcome: protocol.Committed, Actor: claim.Actor, Reason: claim.Reason,
		Source: claim.Source, StartedAt: claim.StartedAt, ExpiresAt: claim.ExpiresAt})
}

var hexHash = regexp.MustCompile(`^[0-9a-f]{32}$`)

func FuzzFingerprint(f *testing.F) {
	f.Add([]byte(`{"api_key":"fake-old"}`), []byte(`{"api_key":"fake-new"}`), uint(3))
	f.Fuzz(func(t *testing.T, old, next []byte, bit uint) {
		hash := protocol.Fingerprint(old, next)
		if !hexHash.MatchString(hash) || protocol.Fingerprint(bytes.Clone(old), bytes.Clone(next)) != hash {
			t.Fatalf("Fingerprint = %q, and not always", hash)
		}
		for _, part := range [][]byte{old, next} {
			if len(part) == 0 {
				continue
			}
			at := int(bit / 8 % uint(len(part)))
			part[at] ^= 1 << (bit % 8)
			if protocol.Fingerprint(old, next) == hash {
				t.Fatalf("byte %d changed, the fingerprint did not", at)
			}
			part[at] ^= 1 << (bit % 8)
		}
	})
}

// safeSegment is what kv.CheckName lets into a path, but for "..".
var safeSegment = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func FuzzParseID(f *testing.F) {
	f.Add(goodID)
	f.Fuzz(func(t *testing.T, text string) {
		id, err := protocol.ParseID(text)
		if err != nil {
			return
		}
		if id.String() != text || id.Source < 1 {
			t.Fatalf("%q is read as %s", text, id)
		}
		if !safeSegment.MatchString(text) || strings.Contains(text, "..") {
			t.Fatalf("%q is an id and not a path segment", text)
		}
		if again, err := protocol.ParseID(id.String()); err != nil || again != id || id.Compare(again) != 0 {
			t.Fatalf("%s is read back as %s, %v", id, again, err)
		}
	})
}

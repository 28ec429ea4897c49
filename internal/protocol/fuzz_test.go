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

// The properties below hold for any stored data. Each fuzz target checks one of them with raw bytes.
// Where well-formed input is the interesting one, a rapid test generates it too.

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
			t.Fatalf("DecodeRecord accepted schema %d and id %q, want only %d and %q", record.Schema, record.ID, protocol.Schema, id)
		}
		if !slices.Contains([]protocol.Outcome{protocol.Committed, protocol.Aborted, protocol.Unknown}, record.Outcome) {
			t.Fatalf("DecodeRecord accepted the outcome %q, want only committed, aborted and unknown", record.Outcome)
		}
		for key := range keysOf(t, stored) {
			if !known[key] {
				t.Fatalf("DecodeRecord accepted the key %q, want only known keys", key)
			}
		}
		checkRecordRoundTrips(t, record)
	})
}

// keysOf returns the keys of a JSON object and of the objects in it. It fails for other JSON, and for
// data after the object.
func keysOf(t rapid.TB, text []byte) map[string]bool {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatalf("Unmarshal(%s) = %v, want a JSON object", text, err)
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
		t.Fatalf("Encode of %+v = %v, want success", record, err)
	}
	again, err := protocol.DecodeRecord(record.ID, stored)
	if err != nil {
		t.Fatalf("DecodeRecord(%s) = %v, want success", stored, err)
	}
	if restored, err := again.Encode(); err != nil || !bytes.Equal(restored, stored) {
		t.Fatalf("Encode after DecodeRecord = %s, %v, want %s", restored, err, stored)
	}
}

func FuzzDecodeAttribution(f *testing.F) {
	f.Add("ci", "quarterly", "given", "2026-01-01T00:00:00.12Z", "2026-04-01T00:00:00Z")
	f.Fuzz(func(t *testing.T, actor, reason, source, started, expires string) {
		metadata := map[string]string{"actor": actor, "reason": reason, "source": source, "started_at": started, "expires_at": expires}
		for key, value := range metadata {
			metadata[key] = strings.ToValidUTF8(value, "?") // the metadata came as JSON
		}
		checkAttribution(t, protocol.DecodeAttribution(metadata))
	})
}

// checkAttribution checks that an attribution equals itself after it was stored, and that a record
// with it can be written.
func checkAttribution(t rapid.TB, attribution protocol.Attribution) {
	t.Helper()
	encoded := attribution.Encode()
	for key, value := range encoded {
		if value == "" {
			t.Fatalf("Encode: %s is empty, want 1 to 512 bytes for KV v2", key)
		}
	}
	if got := protocol.DecodeAttribution(encoded); got != attribution {
		t.Fatalf("DecodeAttribution = %+v, want %+v", got, attribution)
	}
	checkRecordRoundTrips(t, protocol.Record{ID: "i", Outcome: protocol.Committed, Actor: attribution.Actor, Reason: attribution.Reason,
		Source: attribution.Source, StartedAt: attribution.StartedAt, ExpiresAt: attribution.ExpiresAt})
}

var hexHash = regexp.MustCompile(`^[0-9a-f]{32}$`)

func FuzzFingerprint(f *testing.F) {
	f.Add([]byte(`{"api_key":"fake-old"}`), []byte(`{"api_key":"fake-new"}`), uint(3))
	f.Fuzz(func(t *testing.T, old, next []byte, bit uint) {
		hash := protocol.Fingerprint(old, next)
		if !hexHash.MatchString(hash) || protocol.Fingerprint(bytes.Clone(old), bytes.Clone(next)) != hash {
			t.Fatalf("Fingerprint = %q, want the same for the same input", hash)
		}
		for _, part := range [][]byte{old, next} {
			if len(part) == 0 {
				continue
			}
			at := int(bit / 8 % uint(len(part)))
			part[at] ^= 1 << (bit % 8)
			if protocol.Fingerprint(old, next) == hash {
				t.Fatalf("Fingerprint with another byte %d = %s, want another fingerprint", at, hash)
			}
			part[at] ^= 1 << (bit % 8)
		}
	})
}

// safeSegment matches what kv.CheckName accepts, except for "..".
var safeSegment = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func FuzzParseID(f *testing.F) {
	f.Add(goodID)
	f.Fuzz(func(t *testing.T, text string) {
		id, err := protocol.ParseID(text)
		if err != nil {
			return
		}
		if id.String() != text || id.Source < 1 {
			t.Fatalf("ParseID(%q) = %s, want the same text", text, id)
		}
		if !safeSegment.MatchString(text) || strings.Contains(text, "..") {
			t.Fatalf("ParseID(%q) = %s, want an error: it is no safe path segment", text, id)
		}
		if again, err := protocol.ParseID(id.String()); err != nil || again != id || id.Compare(again) != 0 {
			t.Fatalf("ParseID(%s) = %s, %v, want the same id", id, again, err)
		}
	})
}

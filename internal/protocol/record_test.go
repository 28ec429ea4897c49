package protocol_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/protocol"
)

// goodRecord is the shortest valid record. fullRecord has every field.
const goodRecord = `{"schema":1,"id":"i","provider":"p","outcome":"aborted","evidence":"inferred","old_version":1,"fields_changed":[],"vault_request_ids":{}}`

var fullRecord = protocol.Record{
	Schema: protocol.Schema, ID: "some-id", Provider: "openai", Outcome: protocol.Committed, Evidence: protocol.Inferred,
	OldVersion: 3, NewVersion: 4, Backup: "some-id", FieldsChanged: []string{"api_key"}, Actor: "ci", Reason: "quarterly",
	Source: "given", StartedAt: at(1), CommittedAt: at(2), RecordedAt: at(3), ExpiresAt: at(4), Cause: "fenced",
	VaultRequestIDs: protocol.RequestIDs{Backup: "b", Commit: "c"},
}

func TestRecordRoundTrips(t *testing.T) {
	stored, err := fullRecord.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := protocol.DecodeRecord("some-id", stored)
	if err != nil || !reflect.DeepEqual(got, fullRecord) {
		t.Errorf("DecodeRecord(%s) = %+v, %v, want %+v", stored, got, err, fullRecord)
	}
}

func TestDecodeRecordRefuses(t *testing.T) {
	good := goodRecord
	if _, err := protocol.DecodeRecord("i", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"nothing":       ``,
		"not JSON":      `{`,
		"two":           good + good,
		"null":          `null`,
		"unknown key":   strings.Replace(good, `"provider"`, `"provider_name"`, 1),
		"capitals":      strings.Replace(good, `"schema"`, `"Outcome":"committed","schema"`, 1),
		"long s":        strings.Replace(good, `{}`, `{},"ſource":"given"`, 1),
		"inner key":     strings.Replace(good, `{}`, `{"Commit":"x"}`, 1),
		"newer schema":  strings.Replace(good, `"schema":1`, `"schema":2`, 1),
		"other id":      strings.Replace(good, `"id":"i"`, `"id":"j"`, 1),
		"undecided":     strings.Replace(good, "aborted", "undecided", 1),
		"empty outcome": strings.Replace(good, "aborted", "", 1),
		"wrong type":    strings.Replace(good, `"old_version":1`, `"old_version":"1"`, 1),
	} {
		if record, err := protocol.DecodeRecord("i", []byte(bad)); err == nil {
			t.Errorf("%s: DecodeRecord = %+v, want an error", name, record)
		}
	}
}

func TestAttribution_EqualsItselfAfterStoring(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~äß€]{0,100}`)
		attribution := protocol.Attribution{
			Actor: text.Draw(t, "actor"), Reason: text.Draw(t, "reason"), Source: text.Draw(t, "source"),
			StartedAt: times().Draw(t, "started").UTC(), ExpiresAt: times().Draw(t, "expires").UTC(),
		}
		if err := protocol.CheckMetadataText(attribution.Actor); err != nil {
			t.Fatal(err)
		}
		for key, value := range attribution.Encode() {
			if len(value) > 512 {
				t.Fatalf("Encode: %s has %d bytes, want at most 512 for KV v2", key, len(value))
			}
		}
		checkAttribution(t, attribution)
	})
}

func TestDecodeAttribution_IgnoresInvalidTimes(t *testing.T) {
	for _, invalid := range []string{"yesterday", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+00:01"} {
		attribution := protocol.DecodeAttribution(map[string]string{"actor": "a", "started_at": invalid, "expires_at": invalid, "other": "x"})
		if attribution != (protocol.Attribution{Actor: "a"}) {
			t.Errorf("DecodeAttribution with time %q = %+v, want only the actor", invalid, attribution)
		}
	}
	if got := (protocol.Attribution{Reason: "r"}).Encode(); !maps.Equal(got, map[string]string{"reason": "r"}) {
		t.Errorf("Encode = %v, want only the reason", got)
	}
}

func TestCheckMetadataText(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true, "ci job 42, É": true, strings.Repeat("x", 512): true,
		strings.Repeat("x", 513): false, "a\nb": false, "a\x00b": false, "\xff": false, "a\u202eb": false,
	} {
		if err := protocol.CheckMetadataText(text); (err == nil) != ok {
			t.Errorf("CheckMetadataText(%.20q) = %v, want nil: %t", text, err, ok)
		}
	}
}

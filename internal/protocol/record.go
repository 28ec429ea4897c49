package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Schema is the version of the record's shape.
const Schema = 1

// Evidence says how the writer of a record knew.
type Evidence string

// Acknowledged: Vault answered the commit. Inferred: the rule said so.
const (
	Acknowledged Evidence = "acknowledged"
	Inferred     Evidence = "inferred"
)

// RequestIDs are Vault's ids of the two requests that matter, as its audit
// devices log them; empty where the answer never came.
type RequestIDs struct {
	Backup string `json:"backup,omitempty"`
	Commit string `json:"commit,omitempty"`
}

// Record is the audit record of a rotation. It holds names and times, never a
// value.
type Record struct {
	Schema          int        `json:"schema"`
	ID              string     `json:"id"`
	Provider        string     `json:"provider"`
	Outcome         Outcome    `json:"outcome"`
	Evidence        Evidence   `json:"evidence"`
	OldVersion      int        `json:"old_version"`
	NewVersion      int        `json:"new_version,omitempty"`
	Backup          string     `json:"backup,omitempty"`
	FieldsChanged   []string   `json:"fields_changed"`
	Actor           string     `json:"actor,omitempty"`
	Reason          string     `json:"reason,omitempty"`
	Source          string     `json:"source,omitempty"`
	StartedAt       time.Time  `json:"started_at,omitzero"`
	CommittedAt     time.Time  `json:"committed_at,omitzero"`
	RecordedAt      time.Time  `json:"recorded_at,omitzero"`
	ExpiresAt       time.Time  `json:"expires_at,omitzero"`
	Cause           string     `json:"cause,omitempty"`
	VaultRequestIDs RequestIDs `json:"vault_request_ids"`

	// Revocation stands in a record of its own; History joins the two.
	Revocation *Revocation `json:"revocation,omitempty"`
}

// Encode is the record as it is stored.
func (r Record) Encode() (json.RawMessage, error) {
	r.Schema = Schema
	return json.Marshal(r)
}

// DecodeRecord reads a stored record and refuses what it does not know: a
// record of another shape, of another id, or with an outcome no rule writes.
func DecodeRecord(id string, stored []byte) (Record, error) {
	var record Record
	if err := decodeStrictly(stored, &record); err != nil {
		return Record{}, err
	}
	switch {
	case record.Schema != Schema:
		return Record{}, fmt.Errorf("the record has schema %d, this version reads %d", record.Schema, Schema)
	case record.ID != id:
		return Record{}, errors.New("the record carries another id than its path")
	case record.Revocation != nil:
		return Record{}, errors.New("the record holds a revocation, which has a record of its own")
	case record.Outcome != Committed && record.Outcome != Aborted && record.Outcome != Unknown:
		return Record{}, errors.New("the record's outcome is none that vaultkit writes")
	}
	return record, nil
}

// decodeStrictly reads one JSON value that has no field it does not know.
func decodeStrictly(stored []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(stored))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return errForeignRecord
	}
	var loose any // refuses what stands behind the record
	if err := json.Unmarshal(stored, &loose); err != nil || !lowerCaseKeys(loose) {
		return errForeignRecord
	}
	return nil
}

var errForeignRecord = errors.New("the record is not one of vaultkit's")

// lowerCaseKeys reports that keys are spelled as vaultkit spells them:
// encoding/json takes "Outcome" for "outcome", and "ſource" for "source".
func lowerCaseKeys(value any) bool {
	object, _ := value.(map[string]any)
	for key, inner := range object {
		if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") != "" || !lowerCaseKeys(inner) {
			return false
		}
	}
	return true
}

// Claim is what a rotator says of itself in the custom metadata of its backup:
// what a record written by somebody else will need.
type Attribution struct {
	Actor, Reason, Source string
	StartedAt, ExpiresAt  time.Time
}

// maxClaimText is KV v2's limit of a custom metadata value, in bytes.
const maxMetadataText = 512

// CheckClaimText refuses a text custom metadata cannot hold. Empty is fine: it
// is left out.
func CheckMetadataText(text string) error {
	if len(text) > maxMetadataText {
		return fmt.Errorf("is %d bytes long, the limit is %d", len(text), maxMetadataText)
	}
	if !utf8.ValidString(text) {
		return errors.New("is not valid UTF-8")
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("holds the unprintable character %U", r)
		}
	}
	return nil
}

// Encode is the claim as custom metadata.
func (c Attribution) Encode() map[string]string {
	out := make(map[string]string)
	for key, value := range map[string]string{
		"actor": c.Actor, "reason": c.Reason, "source": c.Source,
		"started_at": formatTime(c.StartedAt), "expires_at": formatTime(c.ExpiresAt),
	} {
		if value != "" {
			out[key] = value
		}
	}
	return out
}

// DecodeClaim reads what it can: a claim is a hint, and a missing or garbled
// one must not stop a recovery.
func DecodeAttribution(metadata map[string]string) Attribution {
	return Attribution{
		Actor: metadata["actor"], Reason: metadata["reason"], Source: metadata["source"],
		StartedAt: parseTime(metadata["started_at"]), ExpiresAt: parseTime(metadata["expires_at"]),
	}
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// unstamp leaves out a time that in UTC is not of the years 0 to 9999: it would
// stop the record that carries it from being written.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if year := t.UTC().Year(); err != nil || year < 0 || year > 9999 {
		return time.Time{}
	}
	return t.UTC()
}

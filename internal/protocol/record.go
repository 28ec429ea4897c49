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

// Schema is the version of the stored formats.
const Schema = 1

// Evidence tells how the outcome in a record is known.
type Evidence string

// Acknowledged means that Vault confirmed the commit, Inferred that the rule found the outcome.
const (
	Acknowledged Evidence = "acknowledged"
	Inferred     Evidence = "inferred"
)

// RequestIDs are Vault's ids of the backup and commit requests, as in the logs of its audit
// devices. An id is empty if the response did not arrive.
type RequestIDs struct {
	Backup string `json:"backup,omitempty"`
	Commit string `json:"commit,omitempty"`
}

// Record is the audit record of a rotation. It contains names and times and no secret.
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

	// Revocation is stored in a record of its own. History adds it to this one.
	Revocation *Revocation `json:"revocation,omitempty"`
}

// Encode returns the record as JSON for Vault.
func (r Record) Encode() (json.RawMessage, error) {
	r.Schema = Schema
	return json.Marshal(r)
}

// DecodeRecord decodes a stored record. It refuses unknown fields and schemas, another id, and
// outcomes that the rule does not record.
func DecodeRecord(id string, stored []byte) (Record, error) {
	var record Record
	if err := decodeStrictly(stored, &record); err != nil {
		return Record{}, err
	}
	switch {
	case record.Schema != Schema:
		return Record{}, fmt.Errorf("the record has schema %d, but this version of vaultkit reads schema %d", record.Schema, Schema)
	case record.ID != id:
		return Record{}, errors.New("the record's id differs from the id in its path")
	case record.Revocation != nil:
		return Record{}, errors.New("the record contains a revocation, which belongs in a record of its own")
	case record.Outcome != Committed && record.Outcome != Aborted && record.Outcome != Unknown:
		return Record{}, errors.New("the record has an outcome that vaultkit does not write")
	}
	return record, nil
}

// decodeStrictly decodes one JSON value without unknown fields.
func decodeStrictly(stored []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(stored))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return errForeignRecord
	}
	var loose any // Unmarshal refuses data after the record
	if err := json.Unmarshal(stored, &loose); err != nil || !lowerCaseKeys(loose) {
		return errForeignRecord
	}
	return nil
}

var errForeignRecord = errors.New("vaultkit did not write this record")

// lowerCaseKeys reports whether keys are spelled exactly as vaultkit writes them. encoding/json
// accepts "Outcome" for "outcome", and "ſource" for "source".
func lowerCaseKeys(value any) bool {
	object, _ := value.(map[string]any)
	for key, inner := range object {
		if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") != "" || !lowerCaseKeys(inner) {
			return false
		}
	}
	return true
}

// Attribution is what a rotation stores in its backup's custom metadata about itself. A client
// that writes the record later uses it.
type Attribution struct {
	Actor, Reason, Source string
	StartedAt, ExpiresAt  time.Time
}

// maxMetadataText is KV v2's limit for a value of custom metadata, in bytes.
const maxMetadataText = 512

// CheckMetadataText refuses a text that custom metadata cannot hold. An empty text is accepted,
// and not stored.
func CheckMetadataText(text string) error {
	if len(text) > maxMetadataText {
		return fmt.Errorf("is %d bytes long, but the limit is %d", len(text), maxMetadataText)
	}
	if !utf8.ValidString(text) {
		return errors.New("is not valid UTF-8")
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("contains the unprintable character %U", r)
		}
	}
	return nil
}

// Encode returns the attribution as custom metadata.
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

// DecodeAttribution decodes as much as it can. An attribution decides nothing, so a missing or
// invalid one must not stop a recovery.
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

// parseTime returns the zero time for an invalid text, and for a year outside of 0 to 9999 in
// UTC: JSON cannot encode such a time, so the record could not be written.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if year := t.UTC().Year(); err != nil || year < 0 || year > 9999 {
		return time.Time{}
	}
	return t.UTC()
}

package protocol

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// An attempt to revoke keys writes one entry for each key. The entry's name contains the key's
// fingerprint and the attempt's id. An entry stands until it is withdrawn, and while it stands
// no client puts its key in force. The entries are spread over directories, so that a client
// lists few names, however many keys were revoked. A directory's name is short, because it
// appears in the paths of requests and must not identify the key.

// AttemptKind tells which keys an attempt revokes.
type AttemptKind string

// The kinds.
const (
	KindRevokeOld    AttemptKind = "revoke-old" // keys that a committed rotation replaced
	KindRevokeUnused AttemptKind = "take-back"  // keys that a source issued for a rotation that failed
)

// WithdrawnSuffix ends the name of an entry that withdraws another, because the provider's API
// was not called.
const WithdrawnSuffix = ".withdrawn"

// Attempt is the content of an entry, for people. It contains names and no secret.
type Attempt struct {
	Schema   int         `json:"schema"`
	Kind     AttemptKind `json:"kind"`
	Rotation string      `json:"rotation,omitempty"` // the rotation of the key; empty: its id is not known yet
	Provider string      `json:"provider"`
	Field    string      `json:"field"`
	Actor    string      `json:"actor,omitempty"`
	Reason   string      `json:"reason,omitempty"`
	BegunAt  time.Time   `json:"begun_at,omitzero"`
	Hint     string      `json:"hint,omitempty"` // what to do when a rotation to the key is refused
}

// NewAttemptID returns a random id.
func NewAttemptID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// AttemptName returns the name of an attempt's entry for a key.
func AttemptName(provider, field, keyText, attemptID string) string {
	return attemptFingerprint(provider, field, keyText) + "-" + attemptID
}

// directoryLength makes 256 directories.
const directoryLength = 2

// AttemptDirectory returns the directory of the entry with this name.
func AttemptDirectory(name string) string { return name[:min(directoryLength, len(name))] }

// IsAttemptDirectory reports whether entries can be in a directory of this name.
func IsAttemptDirectory(name string) bool {
	_, err := hex.DecodeString(name)
	return err == nil && len(name) == directoryLength && name == strings.ToLower(name)
}

// attemptFingerprint returns the same text for a long key in any field of a provider. For a
// short key the text depends on the field.
func attemptFingerprint(provider, field, keyText string) string {
	if len(keyText) < minLongKey {
		keyText = field + "\x00" + keyText
	}
	return Fingerprint([]byte("vaultkit revocation\x00"+provider), []byte(keyText))
}

// Attempts are the names of one provider's entries.
type Attempts []string

// AttemptDirectories returns the directories that can contain entries for the fields' keys,
// sorted.
func AttemptDirectories(provider string, fields map[string]any) []string {
	var directories []string
	for field, value := range fields {
		if text, isKey := KeyText(value); isKey {
			directories = append(directories, AttemptDirectory(attemptFingerprint(provider, field, text)))
		}
	}
	slices.Sort(directories)
	return slices.Compact(directories)
}

// Find returns the name of an entry for the key in one of the fields, and that field. Withdrawn
// entries are ignored. Fields are tried in the order of their names.
func (a Attempts) Find(provider string, fields map[string]any) (name, field string, found bool) {
	active := make(map[string]string) // by fingerprint
	for _, name := range a.NotWithdrawn() {
		fingerprint, _, _ := strings.Cut(name, "-")
		active[fingerprint] = name
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if text, isKey := KeyText(fields[field]); isKey {
			if name, found := active[attemptFingerprint(provider, field, text)]; found {
				return name, field, true
			}
		}
	}
	return "", "", false
}

// NotWithdrawn returns the names of the entries that are not withdrawn.
func (a Attempts) NotWithdrawn() []string {
	withdrawn := make(map[string]bool)
	for _, name := range a {
		if entry, is := strings.CutSuffix(name, WithdrawnSuffix); is {
			withdrawn[entry], withdrawn[name] = true, true
		}
	}
	return slices.DeleteFunc(slices.Clone(a), func(name string) bool { return withdrawn[name] })
}

// Encode returns the attempt as JSON for Vault.
func (a Attempt) Encode() (json.RawMessage, error) {
	a.Schema = Schema
	return json.Marshal(a)
}

// DecodeAttempt decodes a stored attempt. It refuses unknown fields, schemas and kinds.
func DecodeAttempt(stored []byte) (Attempt, error) {
	var attempt Attempt
	if err := decodeStrictly(stored, &attempt); err != nil {
		return Attempt{}, err
	}
	switch {
	case attempt.Schema != Schema:
		return Attempt{}, fmt.Errorf("the entry has schema %d, but this version of vaultkit reads schema %d", attempt.Schema, Schema)
	case attempt.Kind != KindRevokeOld && attempt.Kind != KindRevokeUnused:
		return Attempt{}, errors.New("the entry has a kind that vaultkit does not write")
	}
	return attempt, nil
}

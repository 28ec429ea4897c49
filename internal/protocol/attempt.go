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

// An attempt to revoke keys leaves one entry for each key, named after the key's
// fingerprint and the attempt. While an entry stands, nobody puts that key in force.
// The entries are spread over directories: a writer, who lists the directories of its keys,
// reads few names however many keys were revoked. A directory's name is so short that it
// tells whoever sees a request's path next to nothing about the key.

// AttemptKind says who attempts to revoke.
type AttemptKind string

// The kinds.
const (
	KindRevokeOld    AttemptKind = "revoke-old" // what a committed rotation replaced
	KindRevokeUnused AttemptKind = "take-back"  // what a source issued for a rotation that failed
)

// WithdrawnSuffix makes an entry's name that of its withdrawal: the issuer was not
// asked.
const WithdrawnSuffix = ".withdrawn"

// Attempt is what an entry says for people. It holds names, never a value.
type Attempt struct {
	Schema   int         `json:"schema"`
	Kind     AttemptKind `json:"kind"`
	Rotation string      `json:"rotation,omitempty"` // whose old or new key it is; empty: it has no id yet
	Provider string      `json:"provider"`
	Field    string      `json:"field"`
	Actor    string      `json:"actor,omitempty"`
	Reason   string      `json:"reason,omitempty"`
	BegunAt  time.Time   `json:"begun_at,omitzero"`
	Hint     string      `json:"hint,omitempty"` // what to do for who is refused
}

// NewAttemptID is a random name of an attempt.
func NewAttemptID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// AttemptName is the name of an attempt's entry for a key.
func AttemptName(provider, field, keyText, attemptID string) string {
	return attemptFingerprint(provider, field, keyText) + "-" + attemptID
}

// AttemptDirectory is the directory of an entry, by the entry's name.
func AttemptDirectory(name string) string {
	const length = 2 // 256 directories
	return name[:min(length, len(name))]
}

// attemptFingerprint is the same for one key in any field of a provider. A short key
// counts only in its own field.
func attemptFingerprint(provider, field, keyText string) string {
	if len(keyText) < minLongKey {
		keyText = field + "\x00" + keyText
	}
	return Fingerprint([]byte("vaultkit revocation\x00"+provider), []byte(keyText))
}

// Attempts are the names of entries of one provider.
type Attempts []string

// AttemptDirectories are the directories of the entries that may stand against the fields,
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

// Against returns the name of an entry that stands against one of the fields, and the
// field. The first field by name comes first.
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

// Standing are the names of the entries that are not withdrawn.
func (a Attempts) NotWithdrawn() []string {
	withdrawn := make(map[string]bool)
	for _, name := range a {
		if entry, is := strings.CutSuffix(name, WithdrawnSuffix); is {
			withdrawn[entry], withdrawn[name] = true, true
		}
	}
	return slices.DeleteFunc(slices.Clone(a), func(name string) bool { return withdrawn[name] })
}

// Encode is the attempt as it is stored.
func (a Attempt) Encode() (json.RawMessage, error) {
	a.Schema = Schema
	return json.Marshal(a)
}

// DecodeAttempt reads a stored attempt and refuses what it does not know.
func DecodeAttempt(stored []byte) (Attempt, error) {
	var attempt Attempt
	if err := decodeStrictly(stored, &attempt); err != nil {
		return Attempt{}, err
	}
	switch {
	case attempt.Schema != Schema:
		return Attempt{}, fmt.Errorf("the record has schema %d, this version reads %d", attempt.Schema, Schema)
	case attempt.Kind != KindRevokeOld && attempt.Kind != KindRevokeUnused:
		return Attempt{}, errors.New("the record's kind is none that vaultkit writes")
	}
	return attempt, nil
}

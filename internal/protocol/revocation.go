package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The suffixes that make a rotation's id that of its revocation's record, and of the one
// that older versions wrote before they asked the issuer. No id ends so.
const (
	RevokingSuffix = ".revoking"
	RevokedSuffix  = ".revoked"
)

// Revocation is the record of a rotation's old keys having been revoked at their
// issuer. It holds names, never a value.
type Revocation struct {
	Schema      int       `json:"schema"`
	ID          string    `json:"id"`
	Provider    string    `json:"provider"`
	Fields      []string  `json:"fields"`
	AlreadyGone bool      `json:"already_gone"`
	Actor       string    `json:"actor,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	BegunAt     time.Time `json:"begun_at,omitzero"`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`

	// NotRead are other providers that might hold the keys too, and whose secrets the token
	// may not read; "*" when it may not list the providers. It is not stored.
	NotRead []string `json:"not_read,omitempty"`

	// Fingerprints of the old values, so that they are known again without them,
	// in whatever backup.
	Fingerprints []string `json:"fingerprints,omitempty"`
}

// KeyFingerprint is what a revocation keeps of a key: its HMAC under the rotation's
// id.
func KeyFingerprint(id, key string) string { return Fingerprint([]byte(id), []byte(key)) }

// Names reports that the revocation is about this key.
func (r *Revocation) Includes(key string) bool {
	return slices.Contains(r.Fingerprints, KeyFingerprint(r.ID, key))
}

// Encode is the revocation as it is stored.
func (r Revocation) Encode() (json.RawMessage, error) {
	r.Schema, r.NotRead = Schema, nil
	return json.Marshal(r)
}

// DecodeRevocation reads a stored revocation of the rotation id and refuses what
// it does not know.
func DecodeRevocation(id string, stored []byte) (Revocation, error) {
	var revocation Revocation
	if err := decodeStrictly(stored, &revocation); err != nil {
		return Revocation{}, err
	}
	switch {
	case revocation.Schema != Schema:
		return Revocation{}, fmt.Errorf("the record has schema %d, this version reads %d", revocation.Schema, Schema)
	case revocation.ID != id:
		return Revocation{}, errors.New("the record carries another id than its path")
	}
	return revocation, nil
}

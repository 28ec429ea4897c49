package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The name of a revocation's record is the rotation's id and RevokedSuffix. Older versions of
// vaultkit wrote another record, with RevokingSuffix, before they called the provider's API.
const (
	RevokingSuffix = ".revoking"
	RevokedSuffix  = ".revoked"
)

// Revocation is the record that a rotation's old keys were revoked at the provider's API. It
// contains names and no secret.
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

	// NotRead are the other providers that the token cannot read, and that may contain the keys
	// too; "*" if it cannot list the providers. It is not stored.
	NotRead []string `json:"not_read,omitempty"`

	// Fingerprints of the old keys, to recognize them in any backup.
	Fingerprints []string `json:"fingerprints,omitempty"`
}

// KeyFingerprint returns the HMAC of a key, with the rotation's id as the HMAC's key.
func KeyFingerprint(id, key string) string { return Fingerprint([]byte(id), []byte(key)) }

// Includes reports whether the revocation includes the key.
func (r *Revocation) Includes(key string) bool {
	return slices.Contains(r.Fingerprints, KeyFingerprint(r.ID, key))
}

// Encode returns the revocation as JSON for Vault.
func (r Revocation) Encode() (json.RawMessage, error) {
	r.Schema, r.NotRead = Schema, nil
	return json.Marshal(r)
}

// DecodeRevocation decodes a stored revocation of the rotation id. It refuses unknown fields
// and schemas.
func DecodeRevocation(id string, stored []byte) (Revocation, error) {
	var revocation Revocation
	if err := decodeStrictly(stored, &revocation); err != nil {
		return Revocation{}, err
	}
	switch {
	case revocation.Schema != Schema:
		return Revocation{}, fmt.Errorf("the record has schema %d, but this version of vaultkit reads schema %d", revocation.Schema, Schema)
	case revocation.ID != id:
		return Revocation{}, errors.New("the record's id differs from the id in its path")
	}
	return revocation, nil
}

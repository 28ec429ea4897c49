package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// RevokedSuffix makes a rotation's id that of its revocation's record. No id
// ends like this.
const RevokedSuffix = ".revoked"

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
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
}

// Encode is the revocation as it is stored.
func (r Revocation) Encode() (json.RawMessage, error) {
	r.Schema = Schema
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

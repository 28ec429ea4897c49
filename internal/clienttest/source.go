package clienttest

import (
	"context"

	"goblin/vaultkit"
)

// FieldSource is a source of given fields, or of an error.
type FieldSource struct {
	Target vaultkit.Target
	Fields map[string]any
	Err    error
}

// Name is the source's name in a record.
func (*FieldSource) Name() string { return "issuer" }

// NewFields returns the fields and the error, and keeps the target.
func (s *FieldSource) NewFields(_ context.Context, target vaultkit.Target) (map[string]any, error) {
	s.Target = target
	return s.Fields, s.Err
}

// IssuingSource is a source that verifies and revokes too, and keeps what it was asked.
type IssuingSource struct {
	Fields               map[string]any
	Created              int
	Verified, Revoked    []map[string]string
	Told                 []vaultkit.Target // by Verify and Revoke
	VerifyErr, RevokeErr error
	Before               func() // runs before a key is handed out
}

// Name is the source's name in a record.
func (*IssuingSource) Name() string { return "authority" }

// NewFields returns the fields.
func (s *IssuingSource) NewFields(context.Context, vaultkit.Target) (map[string]any, error) {
	s.Created++
	if s.Before != nil {
		s.Before()
	}
	return s.Fields, nil
}

// Verify keeps the keys and returns VerifyErr.
func (s *IssuingSource) Verify(_ context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
	s.Verified, s.Told = append(s.Verified, keys.Reveal()), append(s.Told, target)
	return s.VerifyErr
}

// Revoke keeps the keys and returns RevokeErr.
func (s *IssuingSource) Revoke(_ context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
	s.Revoked, s.Told = append(s.Revoked, keys.Reveal()), append(s.Told, target)
	return s.RevokeErr
}

// NewIssuingSource returns a source that issues a new key and keeps the other field.
func NewIssuingSource() *IssuingSource {
	return &IssuingSource{Fields: map[string]any{"api_key": "fake-issued", "keep": "kept"}}
}

// Revoker stands for a provider's API: it keeps what it was asked to revoke.
type Revoker struct {
	Revoked []map[string]string
	Target  vaultkit.Target
	Err     error // of Revoke
}

// Revoke keeps the keys and the target, and returns Err.
func (r *Revoker) Revoke(_ context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
	r.Revoked = append(r.Revoked, keys.Reveal())
	r.Target = target
	return r.Err
}

package clienttest

import (
	"context"

	"goblin/vaultkit"
)

// FieldSource is a source that returns fixed fields or an error.
type FieldSource struct {
	Target vaultkit.Target
	Fields map[string]any
	Err    error
}

// Name returns the source's name for records.
func (*FieldSource) Name() string { return "issuer" }

// NewFields keeps the target and returns the fields and the error.
func (s *FieldSource) NewFields(_ context.Context, target vaultkit.Target) (map[string]any, error) {
	s.Target = target
	return s.Fields, s.Err
}

// IssuingSource is a source that also verifies and revokes keys. It keeps its calls'
// arguments.
type IssuingSource struct {
	Fields               map[string]any
	Created              int
	Verified, Revoked    []map[string]string
	Told                 []vaultkit.Target // targets of Verify and Revoke
	VerifyErr, RevokeErr error
	Before               func() // runs before NewFields returns
}

// Name returns the source's name for records.
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

// Revoker is a provider's API that keeps what it was asked to revoke.
type Revoker struct {
	Revoked []map[string]string
	Target  vaultkit.Target
	Err     error // returned by Revoke
}

// Revoke keeps the keys and the target, and returns Err.
func (r *Revoker) Revoke(_ context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
	r.Revoked = append(r.Revoked, keys.Reveal())
	r.Target = target
	return r.Err
}

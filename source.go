package vaultkit

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"

	"goblin/vaultkit/internal/vaulterr"
)

// Source returns the new key of a rotation: [NewKey], [NewFields], [RandomKey], or a type
// of yours that asks the provider's API for a key.
//
// A Source may have a method Verify, with the signature of WithVerify's function. It is
// called like that function: with the whole new secret, before anything is written; its
// error ends the rotation. A Source may be a [Revoker] too.
type Source interface {
	// Name says in the audit record where the key came from. Printable, at most
	// 512 bytes, no secret.
	Name() string
	// NewFields returns the fields to replace: text, numbers or booleans. One that is
	// not among target.Fields is refused, unless Rotate was given AddFields.
	// It is called once for each rotation, before anything is written, and never
	// retried.
	NewFields(ctx context.Context, target Target) (map[string]any, error)
}

// verifier is a Source that can test the new secret.
type verifier interface {
	Verify(ctx context.Context, target Target, keys ProviderKeys) error
}

// Revoker revokes keys at their issuer. One for [Client.RevokeOld], which is told
// of its target only the provider; or a Source that can take back the key it just
// issued, when its rotation has definitely failed: never while the outcome is
// undetermined, nor in a dry run, nor a key that is in force or may come to be. An
// error that wraps ErrAlreadyRevoked is fine; one that wraps ErrNotAsked says that the keys
// are as they were.
type Revoker interface {
	Revoke(ctx context.Context, target Target, keys ProviderKeys) error
}

// Target is what a Source, and whoever verifies or revokes its key, is told about
// the rotation.
type Target struct {
	Provider string
	Fields   []string // names of the current fields, sorted
	// Stamp names this rotation's key at the issuer, so that an orphan can be
	// found: vaultkit-<provider>-v<new version>-<in force from>.
	Stamp string
	// DryRun: nothing will be written, so that no real key should be issued.
	DryRun bool
}

func checkSource(source Source) error {
	if source == nil {
		return vaulterr.Invalid("no source for the new key: use NewKey, NewFields or RandomKey")
	}
	return checkClaim("source's name", source.Name())
}

// fixed is a Source of fields known beforehand. They sit behind a function: fmt
// prints even the unexported fields of a struct that holds a Source, but not
// what a function closes over.
type fixed struct {
	name   string
	fields func() map[string]any
}

// NewKey is the source of a key that was issued already: it replaces the field
// "api_key". A trailing newline, if any, is part of the key.
func NewKey(key string) Source { return NewFields(map[string]any{fieldAPIKey: key}) }

// NewFields is the source of several fields at once, or of others than
// "api_key". Values are text, numbers (which Vault keeps as float64: any it
// could not keep exactly is refused) or booleans.
func NewFields(fields map[string]any) Source {
	fields = maps.Clone(fields)
	return &fixed{name: "given", fields: func() map[string]any { return maps.Clone(fields) }}
}

func (f *fixed) Name() string { return f.name }

func (*fixed) issuesNothing() {}

func (f *fixed) NewFields(context.Context, Target) (map[string]any, error) { return f.fields(), nil }

func (f *fixed) String() string               { return "vaultkit.Source(" + f.name + ")" }
func (f *fixed) GoString() string             { return f.String() }
func (f *fixed) Format(s fmt.State, _ rune)   { fmt.Fprint(s, f.String()) }
func (f *fixed) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", f.String()), nil }

// RandomKey is a source of 32 random bytes in URL-safe base64, new on each call,
// for the named fields ("api_key" when none is named). For development and for
// secrets nobody else issues: a provider's API does not know such a key.
func RandomKey(fields ...string) Source {
	if len(fields) == 0 {
		fields = []string{fieldAPIKey}
	}
	return random{fields: fields}
}

type random struct{ fields []string }

func (random) Name() string { return "random" }

func (random) issuesNothing() {}

func (r random) NewFields(context.Context, Target) (map[string]any, error) {
	fields := make(map[string]any, len(r.fields))
	for _, field := range r.fields {
		key := make([]byte, 32)
		rand.Read(key) // never fails since Go 1.24
		fields[field] = base64.RawURLEncoding.EncodeToString(key)
	}
	return fields, nil
}

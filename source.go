package vaultkit

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// Source returns the new key of a rotation: [NewKey], [NewFields], [RandomKey], or a type
// of yours that asks the provider's API for a key.
//
// A Source may have a method Verify, with the signature of WithVerify's function. It is
// called like that function: with the whole new secret, before anything is written; its
// error ends the rotation. A Source may be a [Revoker] too.
type Source interface {
	// Name returns where the key comes from, for the audit record: printable text of at most
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

// Revoker revokes keys at the provider. [Client.RevokeOld] takes one, and tells it of its
// target only the provider. A Source that is a Revoker takes back the key that it created, if
// its rotation has definitely failed. It is not called while the outcome is undetermined, in
// a dry run, or for a key that is in force or may come into force. An error that wraps
// ErrAlreadyRevoked counts as success. One that wraps ErrNotAsked says that the keys are as
// they were.
type Revoker interface {
	Revoke(ctx context.Context, target Target, keys ProviderKeys) error
}

// Target describes the rotation to a Source, and to the functions that verify or revoke its
// key.
type Target struct {
	Provider string
	Fields   []string // names of the current fields, sorted
	// Stamp is a name for this rotation's key at the provider, so that a key which is not
	// used can be found: vaultkit-<provider>-v<new version>-<in force from>.
	Stamp string
	// DryRun reports that nothing will be written, so no real key should be created.
	DryRun bool
}

func checkSource(source Source) error {
	if source == nil {
		return vaulterr.Invalid("no source for the new key: use NewKey, NewFields or RandomKey")
	}
	return checkClaim("source's name", source.Name())
}

// staticSource is a Source of given fields. It keeps them in a function: fmt prints unexported
// fields of a struct, but not the variables of a function.
type staticSource struct {
	name   string
	fields func() map[string]any
}

// NewKey returns the source of a key that was created already. It replaces the field
// "api_key". A trailing newline is part of the key.
func NewKey(key string) Source { return NewFields(map[string]any{fieldAPIKey: key}) }

// NewFields returns the source of several fields, or of others than "api_key". Values are
// text, numbers or booleans. Vault stores numbers as float64; one that does not fit exactly
// is refused.
func NewFields(fields map[string]any) Source {
	fields = maps.Clone(fields)
	return &staticSource{name: "given", fields: func() map[string]any { return maps.Clone(fields) }}
}

func (f *staticSource) Name() string { return f.name }

func (*staticSource) issuesNothing() {}

func (f *staticSource) NewFields(context.Context, Target) (map[string]any, error) {
	return f.fields(), nil
}

func (f *staticSource) String() string               { return "vaultkit.Source(" + f.name + ")" }
func (f *staticSource) GoString() string             { return f.String() }
func (f *staticSource) Format(s fmt.State, _ rune)   { fmt.Fprint(s, f.String()) }
func (f *staticSource) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", f.String()), nil }

// RandomKey returns a source of 32 random bytes in URL-safe base64, new on each call, for the
// named fields ("api_key" if none is named). It is for development and for secrets that no
// provider creates: a provider's API does not know such a key.
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

// issuedKey is the new key of one rotation, from its source. The source may verify it. If the
// rotation fails, the source revokes the key, or the error names it.
type issuedKey struct {
	client    *Client
	source    Source
	target    Target
	actor     string
	mayAdd    bool           // the rotation may add fields
	newFields map[string]any // of the source's fields, those with a new value
}

func (i *issuedKey) request(o *rotateOptions) rotation.Request {
	request := o.request(&i.target)
	request.Source = i.source.Name()
	request.Change, request.IssuesNoKey = i.change, i.issuesNoKey()
	if static, is := i.source.(*staticSource); is {
		request.KnownFields = static.fields()
	}
	_, canRevoke := i.source.(Revoker)
	request.RevokesUnused = canRevoke && !request.IssuesNoKey
	if source, can := i.source.(verifier); can {
		request.Check = both(verification(&i.target, source.Verify), request.Check)
	}
	return request
}

// issuesNoKey reports whether the source only returns a given key.
func (i *issuedKey) issuesNoKey() bool {
	_, given := i.source.(interface{ issuesNothing() })
	return given
}

// change returns the new secret. It is called once for each rotation, because the source may
// issue a real key.
func (i *issuedKey) change(ctx context.Context, current rotation.Current) (map[string]any, error) {
	i.target.Fields = slices.Sorted(maps.Keys(current.Data))
	i.target.Stamp = protocol.KeyName(i.target.Provider, current.InForce, current.Version)
	fields, err := i.source.NewFields(ctx, i.target)
	if err != nil {
		return nil, &Error{Detail: "the source of the new key failed", Err: err}
	}
	merged := protocol.Merge(current.Data, fields)
	changed := protocol.ChangedFields(current.Data, merged)
	i.newFields = maps.Clone(fields)
	maps.DeleteFunc(i.newFields, func(field string, _ any) bool { return !slices.Contains(changed, field) })
	if err := cmp.Or(checkFields(fields), i.checkAdded(current, fields)); err != nil {
		return nil, err
	}
	if _, err := protocol.CanonicalToStore(merged); err != nil {
		return nil, vaulterr.Invalid("the new secret: %v", err)
	}
	return merged, nil
}

// checkAdded refuses fields that the secret does not have.
func (i *issuedKey) checkAdded(current rotation.Current, fields map[string]any) error {
	added := protocol.OnlyIn(fields, current.Data)
	if i.mayAdd || len(added) == 0 {
		return nil
	}
	return &Error{Kind: ErrInvalid, Field: added[0], Version: current.Version, Detail: "the rotation would add a field: " + hasFields(i.target.Fields),
		Hint: "check the name; adding a field has to be asked for"}
}

// keepOrRevoke handles the key of a failed rotation. A key that may be in force is kept. A key
// that certainly is not in force is revoked.
func (i *issuedKey) keepOrRevoke(ctx context.Context, err error) error {
	switch {
	case err == nil, i.issuesNoKey(), len(i.newFields) == 0, i.target.DryRun:
		return err
	case errors.Is(err, ErrUndetermined):
		return vaulterr.Note(err, "the new key is kept; its name at the issuer is "+i.target.Stamp)
	}
	revoker, can := i.source.(Revoker)
	if !can {
		return vaulterr.Note(err, "the new key is not in force; its name at the issuer is "+i.target.Stamp)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settings.RecordWait)
	defer cancel()
	return i.revokeUnused(ctx, revoker, err)
}

// revokeUnused revokes the new key, unless it is in force or another run may put it in force:
// a provider's API may return the same key twice.
func (i *issuedKey) revokeUnused(ctx context.Context, revoker Revoker, failed error) error {
	named := "; its name at the issuer is " + i.target.Stamp
	keys, err := textFields(i.newFields)
	if err != nil {
		return vaulterr.Note(failed, "the new key is kept"+named, err)
	}
	asked, err := i.client.engine.RevokeUnused(ctx, i.target.Provider, i.newFields, i.actor, func() error {
		return revoker.Revoke(ctx, i.target, keys)
	})
	switch {
	case !asked && errors.Is(err, ErrConflict):
		return vaulterr.Note(failed, "the new key is kept, for part of it is in force, or an undecided rotation may put it there"+named, err)
	case !asked:
		return vaulterr.Note(failed, "the new key is kept, for whether it is in force could not be read"+named, err)
	case err != nil && !errors.Is(err, ErrAlreadyRevoked):
		return vaulterr.Note(failed, "the new key could not be revoked"+named, err)
	}
	return vaulterr.Note(failed, "the new key was revoked")
}

// request is what the engine is asked for. What the target says besides the
// provider may be filled in later, before the new secret is verified.
func (o *rotateOptions) request(target *Target) rotation.Request {
	request := rotation.Request{Provider: target.Provider, Actor: o.actor, Reason: o.reason, ExpiresAt: o.expires.UTC(), DryRun: o.dryRun,
		RestoreDeleted: o.restoreDeleted, AllowRevoked: o.allowRevoked}
	if o.verify != nil {
		request.Check = verification(target, o.verify)
	}
	return request
}

// verification is a check of the new secret by somebody else.
func verification(target *Target, verify func(context.Context, Target, ProviderKeys) error) func(context.Context, map[string]any) error {
	return func(ctx context.Context, next map[string]any) error {
		keys, err := textFields(next)
		if err != nil {
			return err
		}
		if err := verify(ctx, *target, keys); err != nil {
			return &Error{Detail: "the new secret was not verified", Err: err}
		}
		return nil
	}
}

// both makes one check after another, if there is another.
func both(first, second func(context.Context, map[string]any) error) func(context.Context, map[string]any) error {
	if second == nil {
		return first
	}
	return func(ctx context.Context, next map[string]any) error {
		if err := first(ctx, next); err != nil {
			return err
		}
		return second(ctx, next)
	}
}

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

// Source makes the new key of a rotation: [NewKey], [NewFields], [RandomKey], or a type of yours
// that asks the provider's API for a key. [Client.RotateAll] calls it from several goroutines.
//
// A Source may have a method Verify, with the signature of WithVerify's function. It is called
// like that function: with the whole new secret, before anything is written; its error ends the
// rotation. A Source may also be a [Revoker].
type Source interface {
	// Name returns where the key comes from, for the audit record: printable text of at most
	// 512 bytes, no secret.
	Name() string
	// NewFields returns the fields to replace: text, numbers or booleans. A field that is not
	// among target.Fields is ErrInvalid, unless Rotate was given AddFields. Rotate calls
	// NewFields once, before anything is written, and never retries it. ctx is that of Rotate.
	NewFields(ctx context.Context, target Target) (map[string]any, error)
}

// verifier is a Source that can test the new secret.
type verifier interface {
	Verify(ctx context.Context, target Target, keys ProviderKeys) error
}

// Revoker revokes keys with the provider's API. [Client.RevokeOld] takes one. A [Source] that is a
// Revoker revokes the key that it created, if its rotation has definitely failed. It is not
// called while the outcome is undetermined, in a dry run, or for a key that is in force or may
// come into force.
type Revoker interface {
	// Revoke makes the provider's API refuse these keys. It is called at most once. From
	// RevokeOld, only the Provider of target is set. An error that wraps ErrAlreadyRevoked counts
	// as success. One that wraps ErrNotAsked says that Revoke changed nothing.
	Revoke(ctx context.Context, target Target, keys ProviderKeys) error
}

// Target describes the rotation to a Source, and to the functions that verify or revoke its
// key.
type Target struct {
	Provider string   // whose key is replaced
	Fields   []string // names of the current fields, sorted
	// Stamp is a name for this rotation's key in the provider's API, so that a key which is not
	// used can be found: vaultkit-<provider>-v<new version>-<in force from>.
	Stamp string
	// DryRun reports that nothing will be written, so no real key should be created.
	DryRun bool
}

func checkSource(source Source) error {
	if source == nil {
		return vaulterr.Invalid("no source for the new key: use NewKey, NewFields or RandomKey")
	}
	return checkAuditText("source's name", source.Name())
}

// staticSource is a Source of given fields. It keeps them in a function: fmt prints unexported
// fields of a struct, but not the variables of a function.
type staticSource struct {
	name   string
	fields func() map[string]any
}

// NewKey returns a source for a key that exists already. It replaces the field "api_key". A
// trailing newline is part of the key.
func NewKey(key string) Source { return NewFields(map[string]any{fieldAPIKey: key}) }

// NewFields returns a source for several fields, or for another field than "api_key". Values are
// text, numbers or booleans. Vault stores numbers as float64. A number that float64 cannot hold
// exactly is ErrInvalid. The map is copied.
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

// issuedKey calls the source of one rotation: for the new key, to verify it, and, if the rotation
// fails, to revoke it.
type issuedKey struct {
	client    *Client
	source    Source
	target    Target
	actor     string
	mayAdd    bool           // the rotation may add fields
	newFields map[string]any // what the source made, without what was in force already
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
	if o.dryRun && !request.IssuesNoKey {
		request.Check = nil // the source has made no key that could be tried
	}
	if source, can := i.source.(verifier); can {
		request.Check = both(verification(&i.target, source.Verify), request.Check)
	}
	return request
}

// issuesNoKey reports whether the source returns a key that exists already, or a random one.
func (i *issuedKey) issuesNoKey() bool {
	_, given := i.source.(interface{ issuesNothing() })
	return given
}

// change asks the source for the new key and returns the new secret. It is called once for each
// rotation, because the source may create a real key.
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
	return &Error{
		Kind: ErrInvalid, Field: added[0], Version: current.Version,
		Detail: "the rotation would add a field: " + hasFields(i.target.Fields),
		Hint:   "check the name, or allow the rotation to add a field",
	}
}

// keepOrRevoke handles the new key of a failed rotation. It keeps a key that may be in force, and
// revokes one that is not. It adds to the error what it did.
func (i *issuedKey) keepOrRevoke(ctx context.Context, err error) error {
	switch {
	case err == nil, i.issuesNoKey(), len(i.newFields) == 0, i.target.DryRun:
		return err
	case errors.Is(err, ErrUndetermined):
		return vaulterr.Note(err, "the new key is kept"+i.nameOfKey())
	}
	revoker, can := i.source.(Revoker)
	if !can {
		return vaulterr.Note(err, "the new key is not in force"+i.nameOfKey())
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settings.RecordWait)
	defer cancel()
	return i.revokeUnused(ctx, revoker, err)
}

// nameOfKey returns the part of an error's text that says where to find the new key.
func (i *issuedKey) nameOfKey() string { return "; its name at the provider is " + i.target.Stamp }

// revokeUnused revokes the new key, unless it is in force or another run may put it in force: a
// provider's API may return the same key twice.
func (i *issuedKey) revokeUnused(ctx context.Context, revoker Revoker, failed error) error {
	named := i.nameOfKey()
	keys, err := textFields(i.newFields)
	if err != nil {
		return vaulterr.Note(failed, "the new key is kept"+named, err)
	}
	asked, err := i.client.engine.RevokeUnused(ctx, i.target.Provider, i.newFields, i.actor, func() error {
		return revoker.Revoke(ctx, i.target, keys)
	})
	switch {
	case !asked && errors.Is(err, ErrConflict):
		note := "the new key is kept, because part of it is in force, or an undecided rotation may put it in force"
		return vaulterr.Note(failed, note+named, err)
	case !asked:
		return vaulterr.Note(failed, "the new key is kept, because it is not known whether it is in force"+named, err)
	case err != nil && !errors.Is(err, ErrAlreadyRevoked):
		return vaulterr.Note(failed, "the new key could not be revoked"+named, err)
	}
	return vaulterr.Note(failed, "the new key was revoked")
}

// request returns the request to the rotation engine. The fields of target, except Provider, may
// be set later, before the new secret is verified.
func (o *rotateOptions) request(target *Target) rotation.Request {
	request := rotation.Request{Provider: target.Provider, Actor: o.actor, Reason: o.reason, ExpiresAt: o.expires.UTC(), DryRun: o.dryRun,
		RestoreDeleted: o.restoreDeleted, AllowRevoked: o.allowRevoked}
	if o.verify != nil {
		request.Check = verification(target, o.verify)
	}
	return request
}

// verification returns a check that calls verify with the new secret.
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

// both returns a check that makes the first check and then the second. The second may be nil.
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

package vaultkit

import "goblin/vaultkit/vaulterr"

// The sentinels, for errors.Is. ErrDestroyed wraps ErrDeleted, ErrSealed wraps
// ErrUnavailable, and ErrWrappingToken wraps ErrUnauthenticated.
var (
	// ErrNotFound: nothing is stored under this name.
	ErrNotFound = vaulterr.ErrNotFound
	// ErrDeleted: the current version is soft-deleted, or has expired.
	ErrDeleted = vaulterr.ErrDeleted
	// ErrDestroyed: the current version is destroyed for good.
	ErrDestroyed = vaulterr.ErrDestroyed
	// ErrFieldMissing: the secret has no such field, or it is empty.
	ErrFieldMissing = vaulterr.ErrFieldMissing
	// ErrMountNotFound: no secrets engine is mounted there.
	ErrMountNotFound = vaulterr.ErrMountNotFound
	// ErrNotKVv2: the mount is not a KV version 2 engine.
	ErrNotKVv2 = vaulterr.ErrNotKVv2
	// ErrPermissionDenied: the token's policies lack a capability, which the
	// error names together with the path.
	ErrPermissionDenied = vaulterr.ErrPermissionDenied
	// ErrUnauthenticated: no valid token, and no login that yields one.
	ErrUnauthenticated = vaulterr.ErrUnauthenticated
	// ErrWrappingToken: a response-wrapping token was used before, has expired,
	// or wraps something else. If nobody of yours used it, it was intercepted.
	ErrWrappingToken = vaulterr.ErrWrappingToken
	// ErrConflict: another write came first. Definitely not applied.
	ErrConflict = vaulterr.ErrConflict
	// ErrUndetermined: whether the write was applied is not known yet. A
	// rotation's error carries its id, and Recover, or the same call again,
	// settles it; after PutProviderKeys read the provider.
	ErrUndetermined = vaulterr.ErrUndetermined
	// ErrNoChange: the current secret is already the one asked for.
	ErrNoChange = vaulterr.ErrNoChange
	// ErrUnavailable: Vault could not be reached or could not serve.
	ErrUnavailable = vaulterr.ErrUnavailable
	// ErrSealed: Vault is sealed.
	ErrSealed = vaulterr.ErrSealed
	// ErrInvalid: a name, value or option that is refused before anything is sent.
	ErrInvalid = vaulterr.ErrInvalid
	// ErrClosed: the client was closed.
	ErrClosed = vaulterr.ErrClosed
)

// Error is the type of every error here, for errors.As. Its fields say which verb failed for
// which provider, at which path, which capability is missing, and what to do. See
// [vaulterr.Error] for all of them.
type Error = vaulterr.Error

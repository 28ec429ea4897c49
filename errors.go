package vaultkit

import "goblin/vaultkit/vaulterr"

// The sentinels, for errors.Is. ErrDestroyed wraps ErrDeleted, ErrSealed wraps ErrUnavailable,
// and ErrWrappingToken wraps ErrUnauthenticated. docs/rotation.md says, for each of them, what is
// in Vault and what to do.
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
	// ErrPermissionDenied: the token's policies lack a capability. The error names it, and the
	// path.
	ErrPermissionDenied = vaulterr.ErrPermissionDenied
	// ErrUnauthenticated: Vault refused the token, and no login returned another one.
	ErrUnauthenticated = vaulterr.ErrUnauthenticated
	// ErrWrappingToken: a response-wrapping token was used before, has expired, or wraps something
	// else. If none of your programs used it, somebody else did, and has the secret id.
	ErrWrappingToken = vaulterr.ErrWrappingToken
	// ErrConflict: another write came first. Yours was not applied, and never will be.
	ErrConflict = vaulterr.ErrConflict
	// ErrUndetermined: it is not known yet whether the write was applied. The error of a rotation
	// has its ID. Recover, or the same call again, finds out. After PutProviderKeys, read the
	// provider.
	ErrUndetermined = vaulterr.ErrUndetermined
	// ErrNoChange: the current secret already has these values.
	ErrNoChange = vaulterr.ErrNoChange
	// ErrUnavailable: Vault could not be reached, did not respond in time, or could not serve.
	ErrUnavailable = vaulterr.ErrUnavailable
	// ErrSealed: Vault is sealed.
	ErrSealed = vaulterr.ErrSealed
	// ErrInvalid: a name, value or option that is refused before anything is sent.
	ErrInvalid = vaulterr.ErrInvalid
	// ErrClosed: the client was closed.
	ErrClosed = vaulterr.ErrClosed
)

// Error is the type of every error of this package, for errors.As. Its fields are Op, Provider,
// Path, Version, ID, Field, Capability, CorrelationID, Kind (the sentinel), Detail, Hint and Err
// (the cause); [goblin/vaultkit/vaulterr.Error] documents each.
type Error = vaulterr.Error

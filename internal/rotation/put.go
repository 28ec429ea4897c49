package rotation

import (
	"cmp"
	"context"
	"errors"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// Put creates a provider's first version and returns its number. With replaceDeleted it also
// replaces a deleted or destroyed version. KV v2 has no write that depends on the deletion: if
// another client undeletes the version at the same time, Put replaces it, and it stays readable
// as the version before.
func (e *Engine) Put(ctx context.Context, provider string, data map[string]any, replaceDeleted bool) (int, error) {
	if _, err := protocol.CanonicalToStore(data); err != nil {
		return 0, vaulterr.Invalid("%v", err)
	}
	version, err := e.put(ctx, provider, 0, data)
	if !errors.Is(err, vaulterr.ErrDeleted) || !replaceDeleted {
		return version, err
	}
	deleted, _ := errors.AsType[*vaulterr.Error](err)
	if err := e.checkReplaceable(ctx, provider, deleted); err != nil {
		return 0, err
	}
	return e.put(ctx, provider, deleted.Version, data)
}

// checkReplaceable refuses to replace a deleted version if the provider keeps only one.
// Another client may undelete it before the write arrives, and the write would remove it. A
// destroyed version holds nothing.
func (e *Engine) checkReplaceable(ctx context.Context, provider string, deleted *vaulterr.Error) error {
	if errors.Is(deleted, vaulterr.ErrDestroyed) {
		return nil
	}
	versions, err := e.maxVersions(ctx, provider)
	if err != nil || versions > 1 {
		return err
	}
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, Path: deleted.Path, Version: deleted.Version,
		Detail: "the provider keeps one version (max_versions), so this write would remove the deleted version for good, even if somebody undeletes it meanwhile",
		Hint:   "raise the provider's max_versions to 2, or destroy the deleted version first"}
}

// maxVersions returns how many versions of a provider Vault keeps: the larger of its own
// max_versions and the mount's. If the token cannot read the mount's, the result follows from
// the provider's metadata, or is Vault's default.
func (e *Engine) maxVersions(ctx context.Context, provider string) (int, error) {
	const vaultDefault = 10
	meta, err := e.Store.Metadata(ctx, providerEntry(provider))
	if err != nil || meta.MaxVersions > 1 || meta.MaxVersions == 0 && len(meta.Versions) > 1 {
		return max(meta.MaxVersions, len(meta.Versions)), err
	}
	mount, err := e.Store.Settings(ctx)
	switch pruned := meta.Current > len(meta.Versions); {
	case err == nil:
		return cmp.Or(max(meta.MaxVersions, mount.MaxVersions), vaultDefault), nil
	case !errors.Is(err, vaulterr.ErrPermissionDenied):
		return 0, err
	case meta.MaxVersions == 1 || pruned:
		return 1, nil
	}
	return vaultDefault, nil
}

// put writes version cas+1. Once a copy of the write may have been applied, only the content of
// version cas+1 decides: that copy may have caused a refusal, and another error does not tell
// what happened to it.
func (e *Engine) put(ctx context.Context, provider string, cas int, data map[string]any) (int, error) {
	maybeApplied := false
	err := e.retryWrite(ctx, func() error {
		_, err := e.Store.Write(ctx, providerEntry(provider), cas, data)
		maybeApplied = maybeApplied || vaulterr.MaybeApplied(err)
		return err
	})
	switch {
	case err == nil:
		return cas + 1, nil
	case maybeApplied && createRefused(err):
		return e.resolvePut(ctx, provider, cas, data, err)
	case maybeApplied:
		return 0, undeterminedPut(err)
	case createRefused(err):
		return 0, e.explainRefusedPut(ctx, provider, err)
	}
	return 0, err
}

// resolvePut finds out who wrote version cas+1.
func (e *Engine) resolvePut(ctx context.Context, provider string, cas int, data map[string]any, refusal error) (int, error) {
	stored, err := e.Store.ReadVersion(ctx, providerEntry(provider), cas+1)
	switch {
	case err != nil:
		return 0, undeterminedPut(errors.Join(refusal, err))
	case sameData(stored.Data, data):
		return cas + 1, nil
	}
	return 0, alreadyExists(stored.Version, refusal)
}

// explainRefusedPut returns why a write was refused that was certainly not applied.
func (e *Engine) explainRefusedPut(ctx context.Context, provider string, refusal error) error {
	current, err := e.Store.Read(ctx, providerEntry(provider))
	mayCreate := kv.PathCapability{Entry: providerEntry(provider), Endpoint: "data", Capability: "create"}
	switch {
	case errors.Is(err, vaulterr.ErrDeleted):
		return err
	case err == nil:
		return alreadyExists(current.Version, refusal)
	case errors.Is(refusal, vaulterr.ErrPermissionDenied) && e.Store.HasCapability(ctx, mayCreate):
		// The token may create, so the refusal means that the provider exists.
		return alreadyExists(0, refusal)
	}
	return refusal
}

func alreadyExists(version int, refusal error) error {
	failed, _ := errors.AsType[*vaulterr.Error](refusal)
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, Path: failed.Path, Version: version, Err: failed.Err,
		Detail: "the provider already exists (or is deleted)", Hint: "rotate it instead: that keeps a backup"}
}

func undeterminedPut(cause error) error {
	failed := vaulterr.Undetermined("", "", cause)
	failed.Hint = "read the provider: if it does not hold the secret that you stored, nothing was stored"
	return failed
}

package rotation

import (
	"cmp"
	"context"
	"errors"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// Put stores a provider's first version, create-only, and returns its number.
// With replaceDeleted it also writes over a current version that is deleted or
// destroyed. KV v2 cannot make that conditional on the deletion: who undeletes it
// in the same moment finds it one version back.
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

// checkKept refuses to replace a deleted version of which nothing would be left:
// somebody may undelete it before the write arrives, and where one version is kept it is
// pruned by the write. A destroyed one is nothing to lose.
func (e *Engine) checkReplaceable(ctx context.Context, provider string, deleted *vaulterr.Error) error {
	if errors.Is(deleted, vaulterr.ErrDestroyed) {
		return nil
	}
	versions, err := e.maxVersions(ctx, provider)
	if err != nil || versions > 1 {
		return err
	}
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, Path: deleted.Path, Version: deleted.Version,
		Detail: "the provider keeps one version (max_versions), so the deleted one would be gone for good, even if somebody undeletes it meanwhile",
		Hint:   "raise the provider's max_versions to 2, or destroy the deleted version first"}
}

// keptVersions is how many versions of a provider are kept: the larger of its own
// max_versions and the mount's, which few tokens may read. For the others it is what
// the provider shows, and Vault's default where it shows nothing.
func (e *Engine) maxVersions(ctx context.Context, provider string) (int, error) {
	const vaultDefault = 10
	meta, err := e.Store.Metadata(ctx, providerKey(provider))
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

// put writes version cas+1. As soon as one copy of the write is in doubt, only
// what version cas+1 turns out to hold decides: a refusal may be the echo of our
// own write, and any other error says nothing about the copy before.
func (e *Engine) put(ctx context.Context, provider string, cas int, data map[string]any) (int, error) {
	maybeApplied := false
	err := e.retryWrite(ctx, func() error {
		_, err := e.Store.Write(ctx, providerKey(provider), cas, data)
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

// settlePut finds out whose version cas+1 is.
func (e *Engine) resolvePut(ctx context.Context, provider string, cas int, data map[string]any, refusal error) (int, error) {
	stored, err := e.Store.ReadVersion(ctx, providerKey(provider), cas+1)
	switch {
	case err != nil:
		return 0, undeterminedPut(errors.Join(refusal, err))
	case sameData(stored.Data, data):
		return cas + 1, nil
	}
	return 0, alreadyExists(stored.Version, refusal)
}

// whyNotPut tells, where the token may read, what stands in the way of a write
// that was certainly not applied.
func (e *Engine) explainRefusedPut(ctx context.Context, provider string, refusal error) error {
	current, err := e.Store.Read(ctx, providerKey(provider))
	mayCreate := kv.PathCapability{Key: providerKey(provider), Endpoint: "data", Capability: "create"}
	switch {
	case errors.Is(err, vaulterr.ErrDeleted):
		return err
	case err == nil:
		return alreadyExists(current.Version, refusal)
	case errors.Is(refusal, vaulterr.ErrPermissionDenied) && e.Store.HasCapability(ctx, mayCreate):
		// It may create and was refused: there is something, which it may not see.
		return alreadyExists(0, refusal)
	}
	return refusal
}

func alreadyExists(version int, refusal error) error {
	failed, _ := errors.AsType[*vaulterr.Error](refusal)
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, Path: failed.Path, Version: version, Err: failed.Err,
		Detail: "the provider exists already (or is deleted)", Hint: "rotate it instead, which keeps a backup"}
}

func undeterminedPut(cause error) error {
	failed := vaulterr.Undetermined("", "", cause)
	failed.Hint = "read the provider: it holds the secret you stored, or nothing of yours"
	return failed
}

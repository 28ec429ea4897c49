package rotation

import (
	"context"
	"errors"

	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// Put stores a provider's first version, create-only, and returns its number.
// With replaceDeleted it also writes over a current version that is deleted or
// destroyed, where nothing readable is lost.
func (e *Engine) Put(ctx context.Context, provider string, data map[string]any, replaceDeleted bool) (int, error) {
	if _, err := protocol.CanonicalToStore(data); err != nil {
		return 0, vaulterr.Invalid("%v", err)
	}
	version, err := e.put(ctx, provider, 0, data)
	if !errors.Is(err, vaulterr.ErrDeleted) || !replaceDeleted {
		return version, err
	}
	gone, _ := errors.AsType[*vaulterr.Error](err)
	return e.put(ctx, provider, gone.Version, data)
}

// put writes version cas+1 and tells a refusal that means "somebody else" from
// the echo of its own lost answer.
func (e *Engine) put(ctx context.Context, provider string, cas int, data map[string]any) (int, error) {
	inDoubt := false
	err := e.resend(ctx, func() error {
		_, err := e.Store.Write(ctx, providerKey(provider), cas, data)
		inDoubt = inDoubt || vaulterr.Doubtful(err)
		return err
	})
	switch {
	case err == nil:
		return cas + 1, nil
	case inDoubt && vaulterr.Doubtful(err):
		return 0, undeterminedPut(err)
	case !errors.Is(err, vaulterr.ErrConflict) && !errors.Is(err, vaulterr.ErrPermissionDenied):
		return 0, err
	}
	current, readErr := e.Store.Read(ctx, providerKey(provider))
	switch {
	case errors.Is(readErr, vaulterr.ErrDeleted):
		return 0, readErr
	case readErr != nil && inDoubt:
		return 0, undeterminedPut(errors.Join(err, readErr))
	case readErr != nil:
		return 0, err
	case inDoubt && current.Version == cas+1 && sameData(current.Data, data):
		return current.Version, nil
	}
	return 0, &vaulterr.Error{Kind: vaulterr.ErrConflict, Version: current.Version, Err: err,
		Detail: "the provider exists already", Hint: "rotate it instead, which keeps a backup"}
}

func undeterminedPut(cause error) error {
	failed := vaulterr.Undetermined("", "", cause)
	failed.Hint = "read the provider: it holds the secret you stored, or nothing of yours"
	return failed
}

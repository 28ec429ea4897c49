package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// checkNotInForce refuses keys that are in force, or that an undecided rotation may put in
// force. It lists the backups before it reads the secret: a rotation that began later than the
// list sees the entries of the attempt, and one that began earlier is in the list. A standby
// that answers has seen the entries, because the client asks it for a state with its own
// writes. Records are not read: no rotation of the current version can have one.
func (e *Engine) checkNotInForce(ctx context.Context, provider string, keys map[string]any) error {
	backups, err := e.backups(ctx, provider)
	if err != nil {
		return err
	}
	current, err := e.Store.Read(ctx, providerEntry(provider))
	if err != nil {
		return err // also if the version is deleted, because it may be undeleted
	}
	for _, field := range slices.Sorted(maps.Keys(keys)) {
		if found, inForce := protocol.InForce(current.Data, field, keys[field]); inForce {
			return &vaulterr.Error{Kind: vaulterr.ErrConflict, Version: current.Version,
				Detail: fmt.Sprintf("the old key of the field %q and the field %q of the current version are the same, or one contains the other",
					field, found),
				Hint: "rotate the provider first, then revoke"}
		}
	}
	for _, id := range backups {
		if id.Source == current.Version && id.InForce.Equal(current.Created) {
			return &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: id.String(), Version: current.Version,
				Detail: fmt.Sprintf("rotation %s of the current version is undecided and may put the keys in force", id),
				Hint:   "run it again or abort it, then revoke again"}
		}
	}
	return nil
}

// checkGeneration refuses a rotation of an earlier generation: it cannot tell whether the new
// generation uses the old keys.
func (e *Engine) checkGeneration(ctx context.Context, provider string, id protocol.ID) error {
	facts, err := e.providerFacts(ctx, provider)
	if err != nil {
		return err
	}
	switch facts.Generation(id) {
	case protocol.SameGeneration:
		return nil
	case protocol.OtherGeneration:
		return refuseToRevoke(id.String(), "the provider was deleted and created anew since")
	}
	return refuseToRevoke(id.String(), "vaultkit cannot tell whether the provider was deleted and created anew since")
}

// checkOtherProviders refuses keys that another provider's secret contains, or that contain a long text of it. It returns the
// providers whose secret the token cannot read, sorted.
func (e *Engine) checkOtherProviders(ctx context.Context, provider string, keys map[string]any) (notRead []string, err error) {
	names, err := e.Store.List(ctx, kv.EntryName{"providers"})
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return []string{"*"}, nil
	case err != nil:
		return nil, err
	}
	others := slices.DeleteFunc(names, func(name string) bool { return name == provider || kv.CheckName("provider name", name) != nil })
	slices.Sort(others)
	denied, err := parallel.Map(ctx, listWorkers, others, func(ctx context.Context, other string) (bool, error) {
		secret, err := emptyIfMissing(e.Store.Read(ctx, providerEntry(other)))
		if err != nil {
			denied := errors.Is(err, vaulterr.ErrPermissionDenied)
			if denied {
				err = nil
			}
			return denied, err
		}
		return false, checkOtherProvider(other, secret.Data, keys)
	})
	for i, isDenied := range denied {
		if isDenied {
			notRead = append(notRead, others[i])
		}
	}
	return notRead, err
}

func checkOtherProvider(other string, secret, keys map[string]any) error {
	for _, field := range slices.Sorted(maps.Keys(keys)) {
		if found, inForce := protocol.InForce(secret, field, keys[field]); inForce {
			return &vaulterr.Error{Kind: vaulterr.ErrConflict,
				Detail: fmt.Sprintf("the old key of the field %q and the field %q of the provider %s are the same, or one contains the other: "+
					"revoking may break %s", field, found, other, other),
				Hint: fmt.Sprintf("rotate %s first, or add IgnoreOtherProviders", other)}
		}
	}
	return nil
}

func refuseToRevoke(id, why string) error {
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: id, Detail: why + ", so its old keys may be in use",
		Hint: "only the keys that a committed rotation replaced can be revoked"}
}

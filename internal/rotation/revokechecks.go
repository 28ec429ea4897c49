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

// checkNotInForce refuses keys that are in force, or that a rotation which has begun may
// put in force. The list comes before the secret: what began later than the list
// sees the entries of the attempt, and what began earlier is in it. A standby that answers
// has seen the entries, for the client asks it to have read this client's writes. Records
// are not asked: no rotation of the current version can have one.
func (e *Engine) checkNotInForce(ctx context.Context, provider string, keys map[string]any) error {
	backups, err := e.backups(ctx, provider)
	if err != nil {
		return err
	}
	current, err := e.Store.Read(ctx, providerKey(provider))
	if err != nil {
		return err // a deleted version may be undeleted
	}
	for _, field := range slices.Sorted(maps.Keys(keys)) {
		if found, inForce := protocol.InForce(current.Data, field, keys[field]); inForce {
			return &vaulterr.Error{Kind: vaulterr.ErrConflict, Version: current.Version,
				Detail: fmt.Sprintf("the current version holds the key of the field %q, in its field %q", field, found),
				Hint:   "a key that is in force must not be revoked: rotate it first"}
		}
	}
	for _, id := range backups {
		if id.Source == current.Version && id.InForce.Equal(current.Created) {
			return &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: id.String(), Version: current.Version,
				Detail: fmt.Sprintf("rotation %s of the current version is undecided, and may put the keys in force", id),
				Hint:   "run it again or abort it, then revoke again"}
		}
	}
	return nil
}

// checkGeneration refuses a rotation of a provider that was deleted and created anew since:
// whether its old keys are in use there cannot be told.
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
	return refuseToRevoke(id.String(), "whether the provider was deleted and created anew since cannot be told")
}

// checkElsewhere refuses keys that stand in the secret of another provider. It returns the
// providers whose secret the token may not read, sorted.
func (e *Engine) checkOtherProviders(ctx context.Context, provider string, keys map[string]any) (notRead []string, err error) {
	names, err := e.Store.List(ctx, kv.Key{"providers"})
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return []string{"*"}, nil
	case err != nil:
		return nil, err
	}
	others := slices.DeleteFunc(names, func(name string) bool { return name == provider || kv.CheckName("provider name", name) != nil })
	slices.Sort(others)
	denied, err := parallel.Map(ctx, listWorkers, others, func(ctx context.Context, other string) (bool, error) {
		secret, err := emptyIfMissing(e.Store.Read(ctx, providerKey(other)))
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
				Detail: fmt.Sprintf("the provider %s holds the key of the field %q too, in its field %q", other, field, found),
				Hint:   "rotate that provider first, or revoke all the same and ignore other providers"}
		}
	}
	return nil
}

func refuseToRevoke(id, why string) error {
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: id, Detail: why + ", so its old keys may be in use",
		Hint: "revoke only what a committed rotation replaced for good"}
}

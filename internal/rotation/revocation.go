package rotation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// recordRevocation stores the record, create-only, whatever became of the
// caller's context: the keys are revoked.
func (e *Engine) recordRevocation(ctx context.Context, wanted protocol.Revocation) (*protocol.Revocation, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.RecordWait)
	defer cancel()
	body, err := wanted.Encode()
	if err != nil {
		return &wanted, err
	}
	key := recordKey(wanted.Provider, wanted.ID+protocol.RevokedSuffix)
	err = e.resend(ctx, func() error {
		_, err := e.Store.Write(ctx, key, 0, body)
		return err
	})
	if refused(err) { // ours from a lost answer, or another's
		if stands, readErr := e.readRevocation(ctx, wanted.Provider, wanted.ID); readErr == nil {
			return stands, nil
		}
	}
	if err != nil {
		failed := vaulterr.Undetermined(wanted.ID, "revoked at the issuer, but the record of it could not be written", err)
		failed.Hint = "revoke it again: that writes the record"
		return &wanted, failed
	}
	return &wanted, nil
}

func (e *Engine) readRevocation(ctx context.Context, provider, id string) (*protocol.Revocation, error) {
	secret, err := e.Store.Read(ctx, recordKey(provider, id+protocol.RevokedSuffix))
	if err != nil {
		return nil, err
	}
	stored, err := json.Marshal(secret.Data)
	if err != nil {
		return nil, vaulterr.Invalid("revocation of %s: unreadable", id)
	}
	revocation, err := protocol.DecodeRevocation(id, stored)
	if err != nil {
		return nil, vaulterr.Invalid("revocation of %s: %v", id, err)
	}
	return &revocation, nil
}

// revocations reads the provider's revocations by rotation id. One that cannot be
// read still says that the keys were revoked.
func (e *Engine) revocations(ctx context.Context, provider string) (map[string]*protocol.Revocation, error) {
	names, err := e.Store.List(ctx, recordKey(provider))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, name := range names {
		if id, is := strings.CutSuffix(name, protocol.RevokedSuffix); is {
			ids = append(ids, id)
		}
	}
	read, err := parallel.Map(ctx, listWorkers, ids, func(ctx context.Context, id string) (*protocol.Revocation, error) {
		one, err := e.readRevocation(ctx, provider, id)
		if spoiled(err) {
			return &protocol.Revocation{Schema: protocol.Schema, ID: id, Provider: provider, Fields: []string{}}, nil
		}
		return one, err
	})
	if err != nil {
		return nil, err
	}
	found := make(map[string]*protocol.Revocation, len(read))
	for _, one := range read {
		found[one.ID] = one
	}
	return found, nil
}

// checkNotRevoked refuses a backup that would bring a revoked key back, be it
// the revoked rotation's own or another with the same key.
func (e *Engine) checkNotRevoked(ctx context.Context, provider, id string, backup map[string]any) error {
	revoked, err := e.revocations(ctx, provider)
	if err != nil {
		return err
	}
	for by, revocation := range revoked {
		same := by == id
		if !same {
			other, err := e.readIfThere(ctx, backupKey(provider, by))
			if err != nil {
				return err
			}
			same = slices.ContainsFunc(revocation.Fields, func(field string) bool { return holds(backup, other[field]) })
		}
		if same {
			return &vaulterr.Error{Kind: vaulterr.ErrInvalid, ID: id,
				Detail: fmt.Sprintf("this backup holds a key that was revoked at its issuer (rotation %s)", by),
				Hint:   "name another backup, or say that a revoked key may come back"}
		}
	}
	return nil
}

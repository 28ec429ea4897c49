package rotation

import (
	"context"
	"errors"
	"slices"

	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// History returns the provider's records, newest first, each with its revocation. A record that
// was deleted or overwritten has the outcome unknown, so that the others can be listed.
func (e *Engine) History(ctx context.Context, provider string) ([]protocol.Record, error) {
	ids, err := e.recorded(ctx, provider)
	if err != nil {
		return nil, err
	}
	revoked, err := e.revocations(ctx, provider)
	if err == nil {
		err = e.addUnfinished(ctx, provider, revoked)
	}
	if err != nil {
		return nil, err
	}
	if err := e.newestFirst(ctx, provider, ids); err != nil {
		return nil, err
	}
	return parallel.Map(ctx, listWorkers, ids, func(ctx context.Context, id protocol.ID) (protocol.Record, error) {
		record, err := e.readRecordOrUnknown(ctx, provider, id)
		record.Revocation = revoked[id.String()]
		return record, err
	})
}

// newestFirst sorts ids by the provider's versions. If the token cannot read the provider's
// metadata, it sorts them by time. The order is the same unless a clock stepped back.
func (e *Engine) newestFirst(ctx context.Context, provider string, ids []protocol.ID) error {
	facts, err := e.providerFacts(ctx, provider)
	if err != nil && !errors.Is(err, vaulterr.ErrPermissionDenied) {
		return err
	}
	slices.SortFunc(ids, facts.Compare)
	slices.Reverse(ids)
	return nil
}

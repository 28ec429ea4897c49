package rotation

import (
	"context"
	"slices"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/protocol"
)

// Resolution is what a recovery found out about one unrecorded rotation.
type Resolution struct {
	Provider string
	ID       string
	Outcome  protocol.Outcome
	Evidence protocol.Evidence
}

// Recover applies the rule to every rotation of the provider that has no
// record, writes the records it can, and completes the newest expiry tag. It
// never touches a provider's data. Idempotent; concurrent recoverers agree. The
// newest comes first.
func (e *Engine) Recover(ctx context.Context, provider string) ([]Resolution, error) {
	resolved, recorded, err := e.resolveAll(ctx, provider)
	slices.Reverse(resolved)
	if err != nil {
		return resolved, err
	}
	return resolved, e.completeTag(ctx, provider, recorded)
}

// resolveAll returns what it resolved, and every id that now has a record.
func (e *Engine) resolveAll(ctx context.Context, provider string) ([]Resolution, []protocol.ID, error) {
	// Backups first: a rotation recorded between the two lists is then not
	// mistaken for an unrecorded one.
	ids, err := e.backups(ctx, provider)
	if err != nil {
		return nil, nil, err
	}
	recorded, err := e.recorded(ctx, provider)
	if err != nil {
		return nil, nil, err
	}
	return e.resolveListed(ctx, provider, ids, recorded)
}

// resolveListed resolves those of the ids that are not among the recorded ones.
func (e *Engine) resolveListed(ctx context.Context, provider string, ids, recorded []protocol.ID) ([]Resolution, []protocol.ID, error) {
	var resolved []Resolution
	hasRecord := idSet(recorded)
	for _, id := range ids {
		if hasRecord[id] {
			continue
		}
		one, err := e.resolveOne(ctx, provider, id)
		if err != nil {
			return resolved, recorded, err
		}
		if isDecided(one.Outcome) {
			recorded = append(recorded, id)
		}
		resolved = append(resolved, one)
	}
	return resolved, recorded, nil
}

func (e *Engine) resolveOne(ctx context.Context, provider string, id protocol.ID) (Resolution, error) {
	found, err := e.inspect(ctx, provider, id)
	if err != nil {
		return Resolution{}, err
	}
	resolution := Resolution{Provider: provider, ID: id.String(), Outcome: found.outcome}
	e.observe(event.Event{Kind: event.Recovery, Provider: provider, ID: id.String(), Outcome: string(found.outcome)})
	if !isDecided(found.outcome) {
		return resolution, nil
	}
	record, _, err := e.recordInspection(ctx, found)
	if err != nil {
		return resolution, err
	}
	resolution.Outcome, resolution.Evidence = record.Outcome, record.Evidence
	return resolution, e.copyTagToFence(ctx, found)
}

// decided reports an outcome that the rule records.
func isDecided(outcome protocol.Outcome) bool {
	return outcome == protocol.Committed || outcome == protocol.Aborted
}

package rotation

import (
	"context"
	"slices"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/protocol"
)

// Resolution is the result of a recovery for one unrecorded rotation.
type Resolution struct {
	Provider string
	ID       string
	Outcome  protocol.Outcome
	Evidence protocol.Evidence
}

// Recover applies the rule to every unrecorded rotation of the provider, writes their records,
// and completes the newest expiry tag. It never changes a provider's data. It is idempotent,
// and concurrent calls agree. The newest resolution comes first.
func (e *Engine) Recover(ctx context.Context, provider string) ([]Resolution, error) {
	resolved, recorded, err := e.resolveAll(ctx, provider)
	slices.Reverse(resolved)
	if err != nil {
		return resolved, err
	}
	return resolved, e.completeTag(ctx, provider, recorded)
}

// resolveAll returns the resolutions, and every id that has a record now.
func (e *Engine) resolveAll(ctx context.Context, provider string) ([]Resolution, []protocol.ID, error) {
	// Backups first: otherwise a rotation recorded between the two lists would look unrecorded.
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

// resolveListed resolves the ids that are not among the recorded ones.
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

// isDecided reports whether the rule records the outcome.
func isDecided(outcome protocol.Outcome) bool {
	return outcome == protocol.Committed || outcome == protocol.Aborted
}

package rotation

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"goblin/vaultkit/internal/event"
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
	for _, id := range ids {
		if slices.Contains(recorded, id) {
			continue
		}
		one, err := e.resolveOne(ctx, provider, id)
		if err != nil {
			return resolved, recorded, err
		}
		if decided(one.Outcome) {
			recorded = append(recorded, id)
		}
		resolved = append(resolved, one)
	}
	return resolved, recorded, nil
}

func (e *Engine) resolveOne(ctx context.Context, provider string, id protocol.ID) (Resolution, error) {
	found, err := e.investigate(ctx, provider, id)
	if err != nil {
		return Resolution{}, err
	}
	resolution := Resolution{Provider: provider, ID: id.String(), Outcome: found.outcome}
	e.observe(event.Event{Kind: event.Recovery, Provider: provider, ID: id.String(), Outcome: string(found.outcome)})
	if !decided(found.outcome) {
		return resolution, nil
	}
	record, _, err := e.recordFinding(ctx, found)
	if err != nil {
		return resolution, err
	}
	resolution.Outcome, resolution.Evidence = record.Outcome, record.Evidence
	return resolution, e.carryTag(ctx, found)
}

// decided reports an outcome that the rule records.
func decided(outcome protocol.Outcome) bool {
	return outcome == protocol.Committed || outcome == protocol.Aborted
}

// The expiry tag stands in the provider's custom metadata together with the
// version it speaks of, so that any later write makes it visibly stale.
const (
	tagExpires = "vaultkit_expires_at"
	tagVersion = "vaultkit_expires_version"
)

// tag notes when the new key expires. A missing right is a warning: the
// rotation is done.
func (tx *transaction) tag(ctx context.Context, result *Result) {
	if err := tx.writeTag(ctx, result.Record); err != nil {
		result.Warnings = append(result.Warnings, fmt.Sprintf("the expiry tag was not written: %v", err))
	}
}

// writeTag tags the provider for a committed record that has an expiry, unless
// the tag already speaks of this version or a later one.
func (e *Engine) writeTag(ctx context.Context, record protocol.Record) error {
	if record.ExpiresAt.IsZero() || record.Outcome != protocol.Committed {
		return nil
	}
	key := providerKey(record.Provider)
	meta, err := e.Store.Metadata(ctx, key)
	if err != nil {
		return err
	}
	if tagged, err := strconv.Atoi(meta.Custom[tagVersion]); err == nil && tagged >= record.NewVersion {
		return nil
	}
	custom := map[string]string{
		tagExpires: record.ExpiresAt.UTC().Format(time.RFC3339),
		tagVersion: strconv.Itoa(record.NewVersion),
	}
	return e.resend(ctx, func() error { return e.Store.PatchCustomMetadata(ctx, key, custom) })
}

// completeTag writes the tag of the newest recorded rotation, which a crash
// between record and tag may have left out.
func (e *Engine) completeTag(ctx context.Context, provider string, recorded []protocol.ID) error {
	slices.SortFunc(recorded, protocol.ID.Compare)
	for _, id := range slices.Backward(recorded) {
		record, err := e.readRecord(ctx, provider, id.String())
		switch {
		case spoiled(err):
			continue // it can say nothing
		case err != nil:
			return err
		case record.Outcome == protocol.Committed:
			return e.writeTag(ctx, record)
		}
	}
	return nil
}

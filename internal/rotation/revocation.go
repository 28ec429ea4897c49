package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// recordRevocation creates one of a revocation's two records and returns the stored one.
func (e *Engine) recordRevocation(ctx context.Context, wanted protocol.Revocation, suffix string) (*protocol.Revocation, error) {
	body, err := wanted.Encode()
	if err != nil {
		return nil, err
	}
	entry := recordEntry(wanted.Provider, wanted.ID+suffix)
	err = e.retryWrite(ctx, func() error {
		_, err := e.Store.Write(ctx, entry, 0, body)
		return err
	})
	if createRefused(err) { // it exists: from a request whose response was lost, an earlier run, or another client
		if stored, readErr := e.readRevocation(ctx, wanted.Provider, wanted.ID, suffix); readErr == nil {
			return stored, nil
		}
	}
	return &wanted, err
}

func (e *Engine) readRevocation(ctx context.Context, provider, id, suffix string) (*protocol.Revocation, error) {
	stored, err := e.readStored(ctx, recordEntry(provider, id+suffix))
	if err != nil {
		return nil, err
	}
	revocation, err := protocol.DecodeRevocation(id, stored)
	if err != nil {
		return nil, vaulterr.Invalid("revocation of %s: %v", id, err)
	}
	return &revocation, nil
}

// revocations reads the provider's revocations by rotation id, also unfinished ones. For an
// unreadable record it returns one without details.
func (e *Engine) revocations(ctx context.Context, provider string) (map[string]*protocol.Revocation, error) {
	names, err := e.Store.List(ctx, recordEntry(provider))
	if err != nil {
		return nil, err
	}
	suffixes := make(map[string]string) // by id
	for _, name := range names {
		if id, is := strings.CutSuffix(name, protocol.RevokedSuffix); is {
			suffixes[id] = protocol.RevokedSuffix
		} else if id, is := strings.CutSuffix(name, protocol.RevokingSuffix); is && suffixes[id] == "" {
			suffixes[id] = protocol.RevokingSuffix
		}
	}
	read, err := parallel.Map(ctx, listWorkers, slices.Sorted(maps.Keys(suffixes)), func(ctx context.Context, id string) (*protocol.Revocation, error) {
		one, err := e.readRevocation(ctx, provider, id, suffixes[id])
		if unreadable(err) {
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

// addUnfinished adds the revocations that began and did not finish. If the token cannot list
// them, it adds none.
func (e *Engine) addUnfinished(ctx context.Context, provider string, revoked map[string]*protocol.Revocation) error {
	attempts, err := e.allAttempts(ctx, provider)
	if errors.Is(err, vaulterr.ErrPermissionDenied) {
		return nil
	}
	if err != nil {
		return err
	}
	unfinished, err := parallel.Map(ctx, listWorkers, attempts.NotWithdrawn(), func(ctx context.Context, name string) (protocol.Attempt, error) {
		attempt, err := e.readAttempt(ctx, provider, name)
		if unreadable(err) || errors.Is(err, vaulterr.ErrPermissionDenied) {
			return protocol.Attempt{}, nil
		}
		return attempt, err
	})
	if err != nil {
		return err
	}
	for _, attempt := range unfinished {
		if attempt.Kind != protocol.KindRevokeOld || attempt.Rotation == "" {
			continue
		}
		revocation := revoked[attempt.Rotation]
		if revocation == nil {
			revocation = &protocol.Revocation{Schema: protocol.Schema, ID: attempt.Rotation, Provider: provider,
				Actor: attempt.Actor, Reason: attempt.Reason, BegunAt: attempt.BegunAt}
			revoked[attempt.Rotation] = revocation
		}
		if revocation.RevokedAt.IsZero() && !slices.Contains(revocation.Fields, attempt.Field) {
			revocation.Fields = append(revocation.Fields, attempt.Field)
			slices.Sort(revocation.Fields)
		}
	}
	return nil
}

// checkNotRevoked refuses a backup that holds a revoked key: its own rotation's, or another
// rotation's with the same key.
func (e *Engine) checkNotRevoked(ctx context.Context, provider, id string, backup map[string]any) error {
	revoked, err := e.revocations(ctx, provider)
	if err != nil {
		return err
	}
	for _, by := range slices.Sorted(maps.Keys(revoked)) {
		revocation := revoked[by]
		if by == id || slices.ContainsFunc(slices.Collect(maps.Values(backup)), func(value any) bool {
			key, is := value.(string)
			text, isKey := protocol.KeyText(value)
			return is && revocation.Includes(key) || isKey && revocation.Includes(text)
		}) {
			return &vaulterr.Error{Kind: vaulterr.ErrInvalid, ID: id,
				Detail: fmt.Sprintf("the backup %s holds a key %s (rotation %s)", shortID(id), describeRevocation(revocation), shortID(by)),
				Hint:   "choose another backup, or, if the key still works, add AllowRevoked"}
		}
	}
	return nil
}

// describeRevocation says when a key was revoked. A record that is not finished does not tell whether
// it was.
func describeRevocation(r *protocol.Revocation) string {
	if r.RevokedAt.IsZero() {
		return "whose revocation has started and may have failed"
	}
	return "that was revoked at " + r.RevokedAt.UTC().Format(time.RFC3339)
}

// shortID returns the version that a rotation replaced, such as v3, which people tell backups and
// rotations apart by.
func shortID(id string) string {
	parsed, err := protocol.ParseID(id)
	if err != nil {
		return id
	}
	return fmt.Sprintf("v%d", parsed.Source)
}

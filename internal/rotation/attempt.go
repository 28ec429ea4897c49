package rotation

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// attempts lists a provider's attempts to revoke keys.
func (e *Engine) attempts(ctx context.Context, provider string) (protocol.Attempts, error) {
	return e.Store.List(ctx, attemptKey(provider))
}

// handOver has the keys revoked by ask, which is called once, unless check refuses.
// First it says so in an entry for each key, which from then on keep every writer from
// putting that key in force; the check comes after that, since a writer that began
// before the entries stood did not see them. Where the issuer was not asked the entries
// are withdrawn. Once it was asked they stand for good, whatever it answered.
func (e *Engine) handOver(ctx context.Context, what protocol.Attempt, keys map[string]any, check, ask func() error) error {
	entries := e.entries(what, keys)
	err := e.writeEntries(ctx, what.Provider, entries)
	if err == nil {
		err = check()
	}
	if err != nil {
		return e.withdraw(ctx, what.Provider, entries, err)
	}
	return ask()
}

// entries are the attempt's, by name.
func (e *Engine) entries(what protocol.Attempt, keys map[string]any) map[string]protocol.Attempt {
	entries, id := make(map[string]protocol.Attempt), protocol.NewAttemptID()
	what.BegunAt = e.Now().UTC()
	for field, value := range keys {
		if text, isKey := protocol.KeyText(value); isKey {
			what.Field = field
			entries[protocol.AttemptName(what.Provider, field, text, id)] = what
		}
	}
	return entries
}

// writeEntries returns once Vault has acknowledged each of them.
func (e *Engine) writeEntries(ctx context.Context, provider string, entries map[string]protocol.Attempt) error {
	names := slices.Sorted(maps.Keys(entries))
	_, err := parallel.Map(ctx, listWorkers, names, func(ctx context.Context, name string) (struct{}, error) {
		body, err := entries[name].Encode()
		if err == nil {
			err = e.createOnce(ctx, attemptKey(provider, name), body)
		}
		return struct{}{}, err
	})
	return err
}

// createOnce stores an entry that nobody else writes: one that is there is ours, from a
// request whose answer was lost.
func (e *Engine) createOnce(ctx context.Context, key kv.Key, body json.RawMessage) error {
	err := e.resend(ctx, func() error {
		_, err := e.Store.Write(ctx, key, 0, body)
		return err
	})
	if !refused(err) {
		return err
	}
	stored, readErr := e.Store.Read(ctx, key)
	var wanted map[string]any
	if readErr == nil && json.Unmarshal(body, &wanted) == nil && sameData(stored.Data, wanted) {
		return nil
	}
	return err
}

// withdraw takes the attempt back, for the issuer was not asked, and returns why.
func (e *Engine) withdraw(ctx context.Context, provider string, entries map[string]protocol.Attempt, why error) error {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.RecordWait)
	defer cancel()
	withdrawals := make(map[string]protocol.Attempt, len(entries))
	for name, entry := range entries {
		withdrawals[name+protocol.WithdrawnSuffix] = entry
	}
	if err := e.writeEntries(bounded, provider, withdrawals); err != nil {
		return vaulterr.Note(why, "the attempt to revoke could not be withdrawn, so rotations to this key stay refused "+
			"until it is revoked, or they are told to allow it", err)
	}
	return why
}

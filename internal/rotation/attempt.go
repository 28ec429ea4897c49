package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// attemptsOn lists the attempts to revoke keys that may be about these fields.
func (e *Engine) attemptsFor(ctx context.Context, provider string, fields map[string]any) (protocol.Attempts, error) {
	return e.listAttempts(ctx, provider, protocol.AttemptDirectories(provider, fields))
}

func (e *Engine) listAttempts(ctx context.Context, provider string, directories []string) (protocol.Attempts, error) {
	lists, err := parallel.Map(ctx, listWorkers, directories, func(ctx context.Context, directory string) ([]string, error) {
		return e.Store.List(ctx, attemptsKey(provider, directory))
	})
	return slices.Concat(lists...), hideEntryName(err, 1)
}

// allAttempts lists every attempt to revoke keys of a provider.
func (e *Engine) allAttempts(ctx context.Context, provider string) (protocol.Attempts, error) {
	listed, err := e.Store.List(ctx, attemptsKey(provider))
	if err != nil {
		return nil, err
	}
	var directories []string
	for _, name := range listed {
		if directory, is := strings.CutSuffix(name, "/"); is && kv.CheckName("directory", directory) == nil {
			directories = append(directories, directory)
		}
	}
	return e.listAttempts(ctx, provider, directories)
}

// handOver has the keys revoked by ask, which is called once, unless check refuses.
// First it says so in an entry for each key, which from then on keep every writer from
// putting that key in force; the check comes after that, since a writer that began
// before the entries stood did not see them. Where the issuer was not asked the entries
// are withdrawn. Once it was asked they stand for good, whatever it answered.
func (e *Engine) revokeKeys(ctx context.Context, attempt protocol.Attempt, keys map[string]any, check, revoke func() error) error {
	entries, err := e.announce(ctx, attempt, keys)
	if err == nil {
		err = check()
	}
	if err == nil {
		err = ctx.Err() // a revoker without time asks nobody
	}
	if err != nil {
		return e.withdraw(ctx, entries, err)
	}
	if err = revoke(); errors.Is(err, vaulterr.ErrNotAsked) {
		return e.withdraw(ctx, entries, err)
	}
	return err
}

// announce writes the entries, and returns those that may stand, by name. Vault has answered
// the last one itself: a standby then shows a state with all of them to who asks next.
func (e *Engine) announce(ctx context.Context, attempt protocol.Attempt, keys map[string]any) (map[string]protocol.Attempt, error) {
	attempt.BegunAt = e.Now().UTC()
	entries := make(map[string]protocol.Attempt)
	for acknowledged := !containsKey(keys); !acknowledged; {
		id := protocol.NewAttemptID()
		for _, field := range slices.Sorted(maps.Keys(keys)) {
			text, isKey := protocol.KeyText(keys[field])
			if !isKey {
				continue
			}
			attempt.Field = field
			name := protocol.AttemptName(attempt.Provider, field, text, id)
			var err error
			if acknowledged, err = e.createEntry(ctx, name, attempt); err == nil || vaulterr.MaybeApplied(err) {
				entries[name] = attempt
			}
			if err != nil {
				return entries, err
			}
		}
	}
	return entries, nil
}

func containsKey(fields map[string]any) bool {
	for _, value := range fields {
		if _, isKey := protocol.KeyText(value); isKey {
			return true
		}
	}
	return false
}

// createEntry stores an entry that nobody else writes: one that is there is ours, from a
// request whose answer was lost. answered: Vault has acknowledged this very request.
func (e *Engine) createEntry(ctx context.Context, name string, entry protocol.Attempt) (acknowledged bool, err error) {
	body, err := entry.Encode()
	if err != nil {
		return false, err
	}
	key := attemptKey(entry.Provider, name)
	err = e.retryWrite(ctx, func() error {
		_, err := e.Store.Write(ctx, key, 0, body)
		return err
	})
	if !createRefused(err) {
		return err == nil, hideEntryName(err, 2)
	}
	stored, readErr := e.Store.Read(ctx, key)
	var wanted map[string]any
	if readErr == nil && json.Unmarshal(body, &wanted) == nil && sameData(stored.Data, wanted) {
		return false, nil
	}
	return false, hideEntryName(err, 2)
}

// withdraw takes the entries back, for the issuer was not asked, and returns why.
func (e *Engine) withdraw(ctx context.Context, entries map[string]protocol.Attempt, cause error) error {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.RecordWait)
	defer cancel()
	var failed error
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if _, err := e.createEntry(bounded, name+protocol.WithdrawnSuffix, entries[name]); err != nil {
			failed = err
		}
	}
	if failed != nil {
		return vaulterr.Note(cause, "the attempt to revoke could not be withdrawn, so rotations to this key stay refused "+
			"until it is revoked, or they are told to allow it", failed)
	}
	return cause
}

// withoutName leaves the name of an entry, or of a directory of entries, out of an error: it
// holds the key's fingerprint or part of it, from which a short key can be guessed.
func hideEntryName(err error, segments int) error {
	failed, ok := errors.AsType[*vaulterr.Error](err)
	if !ok || failed.Path == "" {
		return err
	}
	hidden := *failed
	hidden.Path = strings.TrimSuffix(failed.Path, "/")
	for range segments {
		hidden.Path = path.Dir(hidden.Path)
	}
	return &hidden
}

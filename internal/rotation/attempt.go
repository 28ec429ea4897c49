package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// attemptsFor lists the attempts to revoke that may concern these fields.
func (e *Engine) attemptsFor(ctx context.Context, provider string, fields map[string]any) (protocol.Attempts, error) {
	return e.listAttempts(ctx, provider, protocol.AttemptDirectories(provider, fields))
}

func (e *Engine) listAttempts(ctx context.Context, provider string, directories []string) (protocol.Attempts, error) {
	lists, err := parallel.Map(ctx, listWorkers, directories, func(ctx context.Context, directory string) ([]string, error) {
		names, err := e.Store.List(ctx, attemptsDir(provider, directory))
		return slices.DeleteFunc(names, func(name string) bool { return protocol.AttemptDirectory(name) != directory }), err
	})
	return slices.Concat(lists...), hideEntryName(provider, err)
}

// allAttempts lists every attempt to revoke keys of a provider.
func (e *Engine) allAttempts(ctx context.Context, provider string) (protocol.Attempts, error) {
	listed, err := e.Store.List(ctx, attemptsDir(provider))
	if err != nil {
		return nil, err
	}
	var directories []string
	for _, name := range listed {
		if directory, is := strings.CutSuffix(name, "/"); is && protocol.IsAttemptDirectory(directory) {
			directories = append(directories, directory)
		}
	}
	return e.listAttempts(ctx, provider, directories)
}

// revokeKeys calls revoke once, unless check refuses. First it writes an entry for each key:
// while the entry stands, no writer puts that key in force. The check comes after the entries,
// because a writer that began earlier did not see them. If the provider's API was not called,
// the entries are withdrawn. Once it was called they stand, whatever it answered.
func (e *Engine) revokeKeys(ctx context.Context, attempt protocol.Attempt, keys map[string]any, check, revoke func() error) error {
	entries, err := e.announce(ctx, attempt, keys)
	if err == nil {
		err = check()
	}
	if err == nil {
		err = ctx.Err() // the revoker would fail, and the entries would stand
	}
	if err != nil {
		return e.withdraw(ctx, entries, err)
	}
	if err = revoke(); errors.Is(err, vaulterr.ErrNotAsked) {
		return e.withdraw(ctx, entries, err)
	}
	return err
}

// announce writes the entries and returns those that may be stored, by name. It repeats until
// Vault itself has acknowledged the last one: then a standby that is read next shows all of
// them.
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

// createEntry stores an entry. No other client writes an entry of this name, so an existing one
// comes from this call, and its response was lost. acknowledged reports whether Vault has
// acknowledged this request.
func (e *Engine) createEntry(ctx context.Context, name string, attempt protocol.Attempt) (acknowledged bool, err error) {
	body, err := attempt.Encode()
	if err != nil {
		return false, err
	}
	entry := attemptEntry(attempt.Provider, name)
	err = e.retryWrite(ctx, func() error {
		_, err := e.Store.Write(ctx, entry, 0, body)
		return err
	})
	if !createRefused(err) {
		return err == nil, hideEntryName(attempt.Provider, err)
	}
	stored, readErr := e.Store.Read(ctx, entry)
	var wanted map[string]any
	if readErr == nil && json.Unmarshal(body, &wanted) == nil && sameData(stored.Data, wanted) {
		return false, nil
	}
	return false, hideEntryName(attempt.Provider, err)
}

// withdraw withdraws the entries, because the provider's API was not called. It returns the
// cause.
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
		return vaulterr.Note(cause, "the attempt to revoke could not be withdrawn, so rotations to this key are refused "+
			"until it is revoked, unless they allow revoked keys", failed)
	}
	return cause
}

// hideEntryName removes the name of an entry or of its directory from an error. The name holds
// a fingerprint of the key, or a part of it, and a short key can be guessed from that.
// It puts "+" in their place, as a policy has it.
func hideEntryName(provider string, err error) error {
	failed, ok := errors.AsType[*vaulterr.Error](err)
	if !ok {
		return err
	}
	entries := "/" + strings.Join(attemptsDir(provider), "/") + "/"
	at := strings.LastIndex(failed.Path, entries)
	if at < 0 {
		return err
	}
	at += len(entries)
	hidden := *failed
	hidden.Path = failed.Path[:at] + segment.ReplaceAllLiteralString(failed.Path[at:], kv.Wildcard)
	return &hidden
}

// segment matches the name between two slashes of a path.
var segment = regexp.MustCompile(`[^/]+`)

// checkCapabilities checks the capabilities of a verb that may write or list attempts.
func (e *Engine) checkCapabilities(ctx context.Context, provider string, required []kv.PathCapability) error {
	return hideEntryName(provider, e.Store.CheckCapabilities(ctx, required))
}

package rotation

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// begin is step 1. It reads the provider and makes every check. Invalid input, a missing
// capability or a change that is already in force ends the rotation before it writes anything.
func (e *Engine) begin(ctx context.Context, request Request) (*transaction, *Result, error) {
	tx := &transaction{Engine: e, request: request, started: e.Now()}
	attempts, refused, err := tx.readSource(ctx)
	if err == nil && !request.IssuesNoKey {
		err = refused
	}
	if err != nil {
		return nil, nil, err
	}
	old, next, err := tx.change(ctx)
	if err != nil {
		return nil, nil, cmp.Or(refused, err)
	}
	if string(next) == string(old) { // the key is in force, so a missing capability does not matter
		resumed, err := tx.resume(ctx, next)
		return nil, resumed, err
	}
	tx.id = protocol.NewID(tx.source.Created, tx.source.Version, old, next)
	tx.changed = changedFields(tx.source.Data, tx.next)
	if refused != nil {
		return nil, nil, tx.failedBeforeBackup(ctx, refused)
	}
	if err := tx.checkRevokedEarly(ctx, attempts); err != nil {
		return nil, nil, err
	}
	if request.Check != nil {
		if err := request.Check(ctx, tx.next); err != nil {
			return nil, nil, tx.failedBeforeBackup(ctx, err)
		}
	}
	return tx, nil, nil
}

// change asks the caller for the new secret. It returns the old and the new secret as canonical
// JSON.
func (tx *transaction) change(ctx context.Context) (old, next []byte, err error) {
	source := tx.source
	if old, err = protocol.Canonical(source.Data); err != nil {
		return nil, nil, vaulterr.Invalid("a backup of the current secret would not equal it: %v", err)
	}
	if tx.next, err = tx.request.Change(ctx, Current{Data: source.Data, Version: source.Version, InForce: source.Created}); err != nil {
		return nil, nil, err
	}
	if next, err = protocol.Canonical(tx.next); err != nil {
		return nil, nil, vaulterr.Invalid("the new secret: %v", err)
	}
	return old, next, nil
}

// readSource reads the current secret. At the same time it checks the token's capabilities,
// because a source may issue a real key next, and lists the attempts to revoke keys that are
// already known. It returns the reason why the rotation must not continue in refused. The id is
// not known yet, but the capabilities on an id's paths are the same for every id.
func (tx *transaction) readSource(ctx context.Context) (attempts protocol.Attempts, refused, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var checks sync.WaitGroup
	var denied, notListed error
	login := tx.Logins()
	checks.Go(func() { denied = tx.checkGranted(ctx) })
	if !tx.request.AllowRevoked {
		checks.Go(func() { attempts, notListed = tx.listAttempts(ctx, tx.request.Provider, tx.knownDirectories()) })
	}
	tx.source, err = tx.Store.Read(ctx, providerEntry(tx.request.Provider))
	if err != nil {
		cancel()
	}
	checks.Wait()
	if err == nil && denied == nil && tx.Logins() != login { // these capabilities were another token's
		denied = tx.checkGranted(ctx)
	}
	return attempts, cmp.Or(denied, notListed), err
}

// knownDirectories returns the directories of attempts to list before the new secret is known.
// A source that issues a key is asked only if such a list succeeds, so one directory is listed
// for it, too.
func (tx *transaction) knownDirectories() []string {
	directories := protocol.AttemptDirectories(tx.request.Provider, tx.request.KnownFields)
	if len(directories) == 0 && !tx.request.IssuesNoKey {
		return []string{sampleDirectory(tx.request.Provider)}
	}
	return directories
}

// requiredCapabilities returns the capabilities that this run uses.
func (tx *transaction) requiredCapabilities() []kv.PathCapability {
	provider := tx.request.Provider
	required := rotateCapabilities(provider, protocol.NewID(tx.started, 1, nil, nil).String())
	if !tx.request.AllowRevoked {
		required = append(required, kv.PathCapability{Entry: attemptsDir(provider, sampleDirectory(provider)), Endpoint: "metadata", Capability: "list"})
	}
	if tx.request.RevokesUnused {
		required = append(required, attemptCapabilities(provider)...)
	}
	return required
}

// rotateCapabilities returns the capabilities that a rotation uses. They include those that
// Recover uses: a rotation that could not find out whether its own commit was applied must not
// start.
func rotateCapabilities(provider, id string) []kv.PathCapability {
	return []kv.PathCapability{
		{Entry: providerEntry(provider), Endpoint: "data", Capability: "update"},
		{Entry: backupEntry(provider, id), Endpoint: "data", Capability: "create"},
		{Entry: backupEntry(provider, id), Endpoint: "data", Capability: "read"},
		{Entry: backupEntry(provider, id), Endpoint: "metadata", Capability: "read"},
		{Entry: backupEntry(provider, id), Endpoint: "metadata", Capability: "update"},
		{Entry: backupEntry(provider), Endpoint: "metadata", Capability: "list"},
		{Entry: recordEntry(provider, id), Endpoint: "data", Capability: "create"},
		{Entry: recordEntry(provider, id), Endpoint: "data", Capability: "read"},
		{Entry: recordEntry(provider), Endpoint: "metadata", Capability: "list"},
		{Entry: providerEntry(provider), Endpoint: "metadata", Capability: "read"},
	}
}

// resume handles a new secret that equals the current one. If a backup shows that this same
// change made the current version, resume finishes its record and returns success. Otherwise
// there is nothing to change.
func (tx *transaction) resume(ctx context.Context, current []byte) (*Result, error) {
	ids, err := tx.backups(ctx, tx.request.Provider)
	if err != nil {
		return nil, tx.undeterminedNoChange(err)
	}
	for _, id := range ids {
		if id.Source != tx.source.Version-1 {
			continue
		}
		found, err := tx.inspect(ctx, tx.request.Provider, id)
		if err != nil {
			return nil, tx.undeterminedNoChange(err)
		}
		if found.outcome == protocol.Committed && id.Matches(found.backup, current) {
			return tx.finishResumed(ctx, found)
		}
	}
	return nil, &vaulterr.Error{Kind: vaulterr.ErrNoChange, Version: tx.source.Version}
}

// undeterminedNoChange returns the error for a failed resume. The current secret is the
// requested one, but this rotation may or may not have written it. An error that means "nothing
// was applied" would be wrong.
func (tx *transaction) undeterminedNoChange(err error) error {
	failed := vaulterr.Undetermined("", fmt.Sprintf("version %d already holds the requested secret; "+
		"vaultkit could not find out whether this rotation wrote it", tx.source.Version), err)
	failed.Version = tx.source.Version
	failed.Hint = "do not revoke the new key; run the rotation again to write its record"
	return failed
}

// finishResumed writes the record of a rotation that an earlier run committed.
func (tx *transaction) finishResumed(ctx context.Context, found *inspection) (*Result, error) {
	tx.id = found.id
	if tx.request.Check != nil {
		tx.warnings = append(tx.warnings, "the new secret is already in force, so it was not verified")
	}
	if tx.request.DryRun {
		return &Result{Record: found.toRecord(tx.Now()), Resumed: true, Warnings: tx.warnings}, nil
	}
	defer tx.listUnrecorded(ctx)()
	return tx.acknowledge(ctx, found.toRecord(tx.Now()), true, func(ctx context.Context) (protocol.Record, bool, error) {
		return tx.recordInspection(ctx, found)
	})
}

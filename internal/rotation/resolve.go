package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// finding is what the rule said about a rotation, and what its record needs.
type finding struct {
	provider    string
	id          protocol.ID
	outcome     protocol.Outcome
	backup      []byte // canonical; nil: none
	old, next   map[string]any
	claim       protocol.Claim
	committedAt time.Time // Vault's clock; zero once that version is pruned
	ahead       bool      // the provider's metadata is of a state before its source version
	fenced      bool      // the version after the source repeats it: what Abort writes
	cause       string    // of an abort by hand
}

// investigate reads the facts in the order the rule needs them (backup, then
// metadata, then version source+1) and asks the rule. It writes nothing.
func (e *Engine) investigate(ctx context.Context, provider string, id protocol.ID) (*finding, error) {
	found := &finding{provider: provider, id: id}
	var err error
	if found.old, err = e.readIfThere(ctx, backupKey(provider, id.String())); err != nil {
		return nil, err
	}
	facts := protocol.Facts{ID: id}
	if facts.Provider, err = e.providerFacts(ctx, provider); err != nil {
		return nil, err
	}
	if facts.Provider.Current > id.Source {
		if err := e.lookBehind(ctx, found, &facts); err != nil {
			return nil, err
		}
	}
	if found.backup, err = canonicalOrNil(found.old); err != nil {
		return nil, err
	}
	facts.Backup = found.backup
	found.outcome, found.ahead = protocol.Resolve(facts), facts.Provider.Ahead(id)
	return found, e.recognizeFence(ctx, found)
}

// recognizeFence finds out whether the version after the source repeats it, as Abort
// writes it. A restore's backup does not say what its source version held: that is read.
func (e *Engine) recognizeFence(ctx context.Context, found *finding) error {
	if found.outcome != protocol.Aborted || found.next == nil {
		return nil
	}
	source := found.old
	if found.restores() {
		secret, err := e.readVersionIfThere(ctx, providerKey(found.provider), found.id.Source)
		if err != nil {
			return err
		}
		source = secret.Data
	}
	found.fenced = source != nil && sameData(source, found.next)
	return nil
}

// lookBehind fills in what only a provider past the source version can show.
func (e *Engine) lookBehind(ctx context.Context, found *finding, facts *protocol.Facts) (err error) {
	if found.old == nil { // it may have arrived since
		if found.old, err = e.readIfThere(ctx, backupKey(found.provider, found.id.String())); err != nil {
			return err
		}
	}
	next, err := e.readVersionIfThere(ctx, providerKey(found.provider), found.id.Source+1)
	if err != nil {
		return err
	}
	if next.Data == nil {
		return e.lookInChain(ctx, found, facts)
	}
	if listed, ok := facts.Provider.Versions[next.Version]; ok && !listed.Equal(next.Created) {
		facts.Provider = protocol.Provider{} // deleted and made anew between the two reads
	}
	found.next, found.committedAt = next.Data, next.Created
	facts.Next, err = canonicalOrNil(found.next)
	return err
}

// lookInChain reads the backups of rotations that replaced version source+1.
func (e *Engine) lookInChain(ctx context.Context, found *finding, facts *protocol.Facts) error {
	ids, err := e.backups(ctx, found.provider)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if id.Source != found.id.Source+1 || facts.Provider.Generation(id) != protocol.SameGeneration {
			continue
		}
		data, err := e.readIfThere(ctx, backupKey(found.provider, id.String()))
		if err != nil {
			return err
		}
		canonical, err := canonicalOrNil(data)
		if err != nil {
			return err
		}
		if data != nil && !id.Restores(canonical) {
			// Two rotations of the same version back up the same value.
			found.next, found.committedAt = data, id.InForce
			facts.Chain = append(facts.Chain, protocol.Link{ID: id, Data: canonical})
		}
	}
	return nil
}

func (e *Engine) providerFacts(ctx context.Context, provider string) (protocol.Provider, error) {
	meta, err := e.Store.Metadata(ctx, providerKey(provider))
	if errors.Is(err, vaulterr.ErrNotFound) {
		return protocol.Provider{}, nil
	}
	return protocol.Provider{Current: meta.Current, Oldest: meta.Oldest, Created: meta.Created, Versions: meta.Versions}, err
}

// readIfThere returns the newest version's data, nil for what is missing,
// deleted or destroyed.
func (e *Engine) readIfThere(ctx context.Context, key kv.Key) (map[string]any, error) {
	secret, err := ifThere(e.Store.Read(ctx, key))
	return secret.Data, err
}

// readVersionIfThere is readIfThere for one version.
func (e *Engine) readVersionIfThere(ctx context.Context, key kv.Key, version int) (kv.Secret, error) {
	return ifThere(e.Store.ReadVersion(ctx, key, version))
}

func ifThere(secret kv.Secret, err error) (kv.Secret, error) {
	if errors.Is(err, vaulterr.ErrNotFound) || errors.Is(err, vaulterr.ErrDeleted) {
		return kv.Secret{}, nil
	}
	return secret, err
}

func canonicalOrNil(data map[string]any) ([]byte, error) {
	if data == nil {
		return nil, nil
	}
	canonical, err := protocol.Canonical(data)
	if err != nil {
		return nil, vaulterr.Invalid("a stored secret: %v", err)
	}
	return canonical, nil
}

// restores reports a restore over a version that cannot be read: its backup holds the new
// value.
func (f *finding) restores() bool {
	backup, err := canonicalOrNil(f.old)
	return err == nil && backup != nil && f.id.Restores(backup)
}

// fieldsChanged are all of them after a restore, as far as anybody can tell.
func (f *finding) fieldsChanged() []string {
	if f.restores() {
		return slices.Sorted(maps.Keys(f.next))
	}
	return protocol.ChangedFields(f.old, f.next)
}

// record composes the rotation's record, as far as its traces tell.
func (f *finding) record(now time.Time) protocol.Record {
	record := protocol.Record{
		Schema: protocol.Schema, ID: f.id.String(), Provider: f.provider,
		Outcome: f.outcome, Evidence: protocol.Inferred,
		OldVersion: f.id.Source, Backup: f.id.String(), FieldsChanged: []string{},
		Actor: f.claim.Actor, Reason: f.claim.Reason, Source: f.claim.Source,
		StartedAt: f.claim.StartedAt, ExpiresAt: f.claim.ExpiresAt, RecordedAt: now.UTC(), Cause: f.cause,
	}
	if f.restores() {
		record.Backup = "" // it holds what came, not what went
	}
	if f.fenced && f.cause == "" {
		record.Cause = fmt.Sprintf("fenced by version %d", f.id.Source+1)
	}
	if f.outcome == protocol.Committed {
		record.NewVersion, record.CommittedAt = f.id.Source+1, f.committedAt
		record.FieldsChanged = f.fieldsChanged()
	}
	return record
}

// recordFinding writes the record of a finding, with what its rotator claimed
// beside the backup.
func (e *Engine) recordFinding(ctx context.Context, found *finding) (stands protocol.Record, created bool, err error) {
	meta, err := e.Store.Metadata(ctx, backupKey(found.provider, found.id.String()))
	if err != nil && !errors.Is(err, vaulterr.ErrNotFound) {
		return protocol.Record{}, false, err
	}
	found.claim = protocol.DecodeClaim(meta.Custom)
	return e.record(ctx, found.record(e.Now()))
}

// record stores a record, create-only, and returns the one that stands: records
// never change, so whoever came first has said it.
func (e *Engine) record(ctx context.Context, wanted protocol.Record) (stands protocol.Record, created bool, err error) {
	body, err := wanted.Encode()
	if err != nil {
		return wanted, false, err
	}
	key := recordKey(wanted.Provider, wanted.ID)
	err = e.resend(ctx, func() error {
		_, err := e.Store.Write(ctx, key, 0, body)
		return err
	})
	if err == nil {
		return wanted, true, nil
	}
	if !refused(err) {
		return wanted, false, err
	}
	stands, readErr := e.readRecord(ctx, wanted.Provider, wanted.ID)
	if errors.Is(readErr, vaulterr.ErrNotFound) {
		return wanted, false, err // a plain denial, not the one of a create-only policy
	}
	return stands, false, readErr
}

// readStored returns an entry's data as the JSON that it was stored as. What came from JSON
// can always be made JSON again.
func (e *Engine) readStored(ctx context.Context, key kv.Key) (json.RawMessage, error) {
	secret, err := e.Store.Read(ctx, key)
	if err != nil {
		return nil, err
	}
	return json.Marshal(secret.Data)
}

func (e *Engine) readRecord(ctx context.Context, provider, id string) (protocol.Record, error) {
	stored, err := e.readStored(ctx, recordKey(provider, id))
	if err != nil {
		return protocol.Record{}, err
	}
	record, err := protocol.DecodeRecord(id, stored)
	if err != nil {
		return protocol.Record{}, vaulterr.Invalid("record %s: %v", id, err)
	}
	return record, nil
}

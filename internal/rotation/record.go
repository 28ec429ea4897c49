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

// fieldsChanged are all of them after a restore, as far as anybody can tell.
func (f *inspection) fieldsChanged() []string {
	if f.isRestore() {
		return slices.Sorted(maps.Keys(f.next))
	}
	return protocol.ChangedFields(f.old, f.next)
}

// record composes the rotation's record, as far as its traces tell.
func (f *inspection) toRecord(now time.Time) protocol.Record {
	record := protocol.Record{
		Schema: protocol.Schema, ID: f.id.String(), Provider: f.provider,
		Outcome: f.outcome, Evidence: protocol.Inferred,
		OldVersion: f.id.Source, Backup: f.id.String(), FieldsChanged: []string{},
		Actor: f.attribution.Actor, Reason: f.attribution.Reason, Source: f.attribution.Source,
		StartedAt: f.attribution.StartedAt, ExpiresAt: f.attribution.ExpiresAt, RecordedAt: now.UTC(), Cause: f.cause,
	}
	if f.isRestore() {
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
func (e *Engine) recordInspection(ctx context.Context, found *inspection) (stored protocol.Record, created bool, err error) {
	meta, err := e.Store.Metadata(ctx, backupKey(found.provider, found.id.String()))
	if err != nil && !errors.Is(err, vaulterr.ErrNotFound) {
		return protocol.Record{}, false, err
	}
	found.attribution = protocol.DecodeAttribution(meta.Custom)
	return e.writeRecord(ctx, found.toRecord(e.Now()))
}

// record stores a record, create-only, and returns the one that stands: records
// never change, so whoever came first has said it.
func (e *Engine) writeRecord(ctx context.Context, writeRecord protocol.Record) (stored protocol.Record, created bool, err error) {
	body, err := writeRecord.Encode()
	if err != nil {
		return writeRecord, false, err
	}
	key := recordKey(writeRecord.Provider, writeRecord.ID)
	err = e.retryWrite(ctx, func() error {
		_, err := e.Store.Write(ctx, key, 0, body)
		return err
	})
	if err == nil {
		return writeRecord, true, nil
	}
	if !createRefused(err) {
		return writeRecord, false, err
	}
	stored, readErr := e.readRecord(ctx, writeRecord.Provider, writeRecord.ID)
	if errors.Is(readErr, vaulterr.ErrNotFound) {
		return writeRecord, false, err // a plain denial, not the one of a create-only policy
	}
	return stored, false, readErr
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

func (e *Engine) readRecordOrUnknown(ctx context.Context, provider string, id protocol.ID) (protocol.Record, error) {
	record, err := e.readRecord(ctx, provider, id.String())
	if unreadable(err) {
		return protocol.Record{Schema: protocol.Schema, ID: id.String(), Provider: provider, Outcome: protocol.Unknown,
			OldVersion: id.Source, FieldsChanged: []string{}, Cause: "its record cannot be read: " + vaulterr.Kind(err).Error()}, nil
	}
	return record, err
}

// spoiled reports that somebody removed or overwrote what was read.
func unreadable(err error) bool {
	return errors.Is(err, vaulterr.ErrNotFound) || errors.Is(err, vaulterr.ErrDeleted) || errors.Is(err, vaulterr.ErrInvalid)
}

// newestFirst sorts ids by the provider's versions. A token that may not read its metadata
// gets them by their times, which is the same as long as no clock stepped back.
func (e *Engine) newestFirst(ctx context.Context, provider string, ids []protocol.ID) error {
	facts, err := e.providerFacts(ctx, provider)
	if err != nil && !errors.Is(err, vaulterr.ErrPermissionDenied) {
		return err
	}
	slices.SortFunc(ids, facts.Compare)
	slices.Reverse(ids)
	return nil
}

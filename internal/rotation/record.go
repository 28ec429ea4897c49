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

// fieldsChanged returns the fields that the rotation changed. After a restore these are all
// fields, because the version before cannot be read.
func (f *inspection) fieldsChanged() []string {
	if f.isRestore() {
		return slices.Sorted(maps.Keys(f.next))
	}
	return protocol.ChangedFields(f.old, f.next)
}

// toRecord returns the record that follows from the inspection.
func (f *inspection) toRecord(now time.Time) protocol.Record {
	record := protocol.Record{
		Schema: protocol.Schema, ID: f.id.String(), Provider: f.provider,
		Outcome: f.outcome, Evidence: protocol.Inferred,
		OldVersion: f.id.Source, Backup: f.id.String(), FieldsChanged: []string{},
		Actor: f.attribution.Actor, Reason: f.attribution.Reason, Source: f.attribution.Source,
		StartedAt: f.attribution.StartedAt, ExpiresAt: f.attribution.ExpiresAt, RecordedAt: now.UTC(), Cause: f.cause,
	}
	if f.isRestore() {
		record.Backup = "" // the backup holds the new secret, not the old one
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

// recordInspection writes the record of an inspected rotation, with the attribution beside its
// backup.
func (e *Engine) recordInspection(ctx context.Context, found *inspection) (stored protocol.Record, created bool, err error) {
	meta, err := e.Store.Metadata(ctx, backupEntry(found.provider, found.id.String()))
	if err != nil && !errors.Is(err, vaulterr.ErrNotFound) {
		return protocol.Record{}, false, err
	}
	found.attribution = protocol.DecodeAttribution(meta.Custom)
	return e.writeRecord(ctx, found.toRecord(e.Now()))
}

// writeRecord creates a record and returns the stored one. Records never change: if a record
// exists, that one counts.
func (e *Engine) writeRecord(ctx context.Context, record protocol.Record) (stored protocol.Record, created bool, err error) {
	body, err := record.Encode()
	if err != nil {
		return record, false, err
	}
	entry := recordEntry(record.Provider, record.ID)
	err = e.retryWrite(ctx, func() error {
		_, err := e.Store.Write(ctx, entry, 0, body)
		return err
	})
	if err == nil {
		return record, true, nil
	}
	if !createRefused(err) {
		return record, false, err
	}
	stored, readErr := e.readRecord(ctx, record.Provider, record.ID)
	if errors.Is(readErr, vaulterr.ErrNotFound) {
		return record, false, err // no entry exists, so the token lacks a capability
	}
	return stored, false, readErr
}

// readStored returns an entry's data as JSON. The data was decoded from JSON, so encoding it
// cannot fail.
func (e *Engine) readStored(ctx context.Context, entry kv.EntryName) (json.RawMessage, error) {
	secret, err := e.Store.Read(ctx, entry)
	if err != nil {
		return nil, err
	}
	return json.Marshal(secret.Data)
}

func (e *Engine) readRecord(ctx context.Context, provider, id string) (protocol.Record, error) {
	stored, err := e.readStored(ctx, recordEntry(provider, id))
	if err != nil {
		return protocol.Record{}, err
	}
	record, err := protocol.DecodeRecord(id, stored)
	if err != nil {
		return protocol.Record{}, vaulterr.Invalid("record %s: %v", id, err)
	}
	return record, nil
}

// readRecordOrUnknown reads a record. In place of an unreadable one it returns a record with
// the outcome unknown.
func (e *Engine) readRecordOrUnknown(ctx context.Context, provider string, id protocol.ID) (protocol.Record, error) {
	record, err := e.readRecord(ctx, provider, id.String())
	if unreadable(err) {
		return protocol.Record{Schema: protocol.Schema, ID: id.String(), Provider: provider, Outcome: protocol.Unknown,
			OldVersion: id.Source, FieldsChanged: []string{}, Cause: "its record cannot be read: " + vaulterr.Kind(err).Error()}, nil
	}
	return record, err
}

// unreadable reports whether an entry was removed or overwritten by a foreign writer.
func unreadable(err error) bool {
	return errors.Is(err, vaulterr.ErrNotFound) || errors.Is(err, vaulterr.ErrDeleted) || errors.Is(err, vaulterr.ErrInvalid)
}

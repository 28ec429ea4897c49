package rotation

import (
	"context"
	"errors"
	"time"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// inspection is a rotation's outcome and the facts that its record needs.
type inspection struct {
	provider      string
	id            protocol.ID
	outcome       protocol.Outcome
	backup        []byte // canonical; nil: none
	old, next     map[string]any
	attribution   protocol.Attribution
	committedAt   time.Time // by Vault's clock; zero if that version is pruned
	staleMetadata bool      // the provider's metadata is of a state before its source version
	fenced        bool      // the version after the source repeats it: what Abort writes
	cause         string    // of an abort by hand
}

// inspect reads the facts and applies the rule. It reads them in the order that the rule
// requires: the backup, the metadata, version source+1. It writes nothing.
func (e *Engine) inspect(ctx context.Context, provider string, id protocol.ID) (*inspection, error) {
	found := &inspection{provider: provider, id: id}
	var err error
	if found.old, err = e.readIfPresent(ctx, backupEntry(provider, id.String())); err != nil {
		return nil, err
	}
	facts := protocol.Facts{ID: id}
	if facts.Provider, err = e.providerFacts(ctx, provider); err != nil {
		return nil, err
	}
	if facts.Provider.Current > id.Source {
		if err := e.loadNextVersion(ctx, found, &facts); err != nil {
			return nil, err
		}
	}
	if found.backup, err = canonicalOrNil(found.old); err != nil {
		return nil, err
	}
	facts.Backup = found.backup
	found.outcome, found.staleMetadata = protocol.Resolve(facts), facts.Provider.Behind(id)
	return found, e.detectFence(ctx, found)
}

// detectFence finds out whether the version after the source repeats it, as a fence does. A
// restore's backup does not hold the source version, so that version is read.
func (e *Engine) detectFence(ctx context.Context, found *inspection) error {
	if found.outcome != protocol.Aborted || found.next == nil {
		return nil
	}
	source := found.old
	if found.isRestore() {
		secret, err := e.readVersionIfPresent(ctx, providerEntry(found.provider), found.id.Source)
		if err != nil {
			return err
		}
		source = secret.Data
	}
	found.fenced = source != nil && sameData(source, found.next)
	return nil
}

// loadNextVersion adds the facts that exist only once the provider is past the source version.
func (e *Engine) loadNextVersion(ctx context.Context, found *inspection, facts *protocol.Facts) (err error) {
	if found.old == nil { // the write of the backup may have arrived since
		if found.old, err = e.readIfPresent(ctx, backupEntry(found.provider, found.id.String())); err != nil {
			return err
		}
	}
	next, err := e.readVersionIfPresent(ctx, providerEntry(found.provider), found.id.Source+1)
	if err != nil {
		return err
	}
	if next.Data == nil {
		return e.findInLaterBackups(ctx, found, facts)
	}
	if listed, ok := facts.Provider.Versions[next.Version]; ok && !listed.Equal(next.Created) {
		facts.Provider = protocol.Provider{} // deleted and created anew between the two reads
	}
	found.next, found.committedAt = next.Data, next.Created
	facts.Next, err = canonicalOrNil(found.next)
	return err
}

// findInLaterBackups finds version source+1 in the backups of the rotations that replaced it.
func (e *Engine) findInLaterBackups(ctx context.Context, found *inspection, facts *protocol.Facts) error {
	ids, err := e.backups(ctx, found.provider)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if id.Source != found.id.Source+1 || facts.Provider.Generation(id) != protocol.SameGeneration {
			continue
		}
		data, err := e.readIfPresent(ctx, backupEntry(found.provider, id.String()))
		if err != nil {
			return err
		}
		canonical, err := canonicalOrNil(data)
		if err != nil {
			return err
		}
		if data != nil && !id.Restores(canonical) {
			// Every rotation of one version backs up the same value, so one is enough.
			found.next, found.committedAt = data, id.InForce
			facts.LaterBackups = append(facts.LaterBackups, protocol.LaterBackup{ID: id, Data: canonical})
		}
	}
	return nil
}

// providerFacts reads the provider's metadata. A missing provider is the zero value.
func (e *Engine) providerFacts(ctx context.Context, provider string) (protocol.Provider, error) {
	meta, err := e.Store.Metadata(ctx, providerEntry(provider))
	if errors.Is(err, vaulterr.ErrNotFound) {
		return protocol.Provider{}, nil
	}
	return protocol.Provider{Current: meta.Current, Oldest: meta.Oldest, Created: meta.Created, Versions: meta.Versions}, err
}

// readIfPresent returns the newest version's data, or nil if it is missing, deleted or
// destroyed.
func (e *Engine) readIfPresent(ctx context.Context, entry kv.EntryName) (map[string]any, error) {
	secret, err := emptyIfMissing(e.Store.Read(ctx, entry))
	return secret.Data, err
}

// readVersionIfPresent is readIfPresent for one version.
func (e *Engine) readVersionIfPresent(ctx context.Context, entry kv.EntryName, version int) (kv.Secret, error) {
	return emptyIfMissing(e.Store.ReadVersion(ctx, entry, version))
}

func emptyIfMissing(secret kv.Secret, err error) (kv.Secret, error) {
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
		return nil, vaulterr.Invalid("a secret in Vault: %v", err)
	}
	return canonical, nil
}

// isRestore reports whether the rotation is a restore over an unreadable version. A restore's
// backup holds the new value.
func (f *inspection) isRestore() bool {
	backup, err := canonicalOrNil(f.old)
	return err == nil && backup != nil && f.id.Restores(backup)
}

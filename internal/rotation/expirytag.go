package rotation

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
)

// The expiry tags stand in the provider's custom metadata, one for each version: a tag that
// arrives late says nothing of another version.
const expiryTagPrefix = "vaultkit_expires_v"

// Older versions wrote one tag, and beside it the version that it is about.
const (
	oldExpiryTag        = "vaultkit_expires_at"
	oldExpiryTagVersion = "vaultkit_expires_version"
)

// tags are the expiries that a provider's custom metadata tells, by version. What is no
// time is no tag.
func expiryTags(custom map[string]string) map[int]string {
	found := make(map[int]string)
	if version, err := strconv.Atoi(custom[oldExpiryTagVersion]); err == nil && custom[oldExpiryTag] != "" {
		found[version] = custom[oldExpiryTag]
	}
	for name, value := range custom {
		if text, is := strings.CutPrefix(name, expiryTagPrefix); is {
			if version, err := strconv.Atoi(text); err == nil {
				found[version] = value
			}
		}
	}
	return found
}

// expiry is what the tag of a version says, and what the newest tag of an earlier one
// does.
func expiry(custom map[string]string, version int) (current, earlier time.Time) {
	newest := 0
	for tagged, text := range expiryTags(custom) {
		at, err := time.Parse(time.RFC3339, text)
		switch {
		case err != nil:
		case tagged == version:
			current = at
		case tagged < version && tagged > newest:
			newest, earlier = tagged, at
		}
	}
	return current, earlier
}

// tag notes when the new key expires. A missing right is a warning: the
// rotation is done.
func (tx *transaction) writeTagOrWarn(ctx context.Context, result *Result) {
	if err := tx.writeTag(ctx, result.Record); err != nil {
		result.Warnings = append(result.Warnings, fmt.Sprintf("the expiry tag was not written: %v", err))
	}
}

// writeTag tags the provider for a committed record that has an expiry, unless
// it is tagged already.
func (e *Engine) writeTag(ctx context.Context, record protocol.Record) error {
	if record.ExpiresAt.IsZero() || record.Outcome != protocol.Committed {
		return nil
	}
	meta, err := e.Store.Metadata(ctx, providerKey(record.Provider))
	if err != nil {
		return err
	}
	if _, tagged := expiryTags(meta.Custom)[record.NewVersion]; tagged {
		return nil
	}
	return e.setTag(ctx, record.Provider, meta, record.NewVersion, record.ExpiresAt.UTC().Format(time.RFC3339))
}

// setTag writes the tag of a version and removes those of lower ones. It leaves higher
// ones: it may arrive after a later rotation's.
func (e *Engine) setTag(ctx context.Context, provider string, meta kv.Metadata, version int, expires string) error {
	remove := []string{}
	for tagged := range expiryTags(meta.Custom) {
		if tagged < version {
			remove = append(remove, expiryTagPrefix+strconv.Itoa(tagged))
		}
	}
	if text, there := meta.Custom[oldExpiryTagVersion]; there {
		if old, err := strconv.Atoi(text); err != nil || old <= version {
			remove = append(remove, oldExpiryTag, oldExpiryTagVersion)
		}
	}
	set := map[string]string{expiryTagPrefix + strconv.Itoa(version): expires}
	return e.retryWrite(ctx, func() error { return e.Store.PatchCustomMetadata(ctx, providerKey(provider), set, remove...) })
}

// completeTag writes the tag of the newest recorded rotation, which a crash
// between record and tag may have left out.
func (e *Engine) completeTag(ctx context.Context, provider string, recorded []protocol.ID) error {
	facts, err := e.providerFacts(ctx, provider)
	if err != nil {
		return err
	}
	slices.SortFunc(recorded, facts.Compare)
	for _, id := range slices.Backward(recorded) {
		if facts.Generation(id) != protocol.SameGeneration {
			continue // its versions are another provider's
		}
		record, err := e.readRecord(ctx, provider, id.String())
		switch {
		case unreadable(err):
			continue // it can say nothing
		case err != nil:
			return err
		case record.Outcome == protocol.Committed:
			return e.writeTag(ctx, record)
		}
	}
	return nil
}

// carryTag moves the expiry tag of a version to the fence that repeats it. Whoever
// records the rotation does so: the one who fenced it may not have lived to.
func (e *Engine) copyTagToFence(ctx context.Context, found *inspection) error {
	if !found.fenced {
		return nil
	}
	from := found.id.Source
	meta, err := e.Store.Metadata(ctx, providerKey(found.provider))
	if err != nil || meta.Current != from+1 {
		return err
	}
	expires, tagged := expiryTags(meta.Custom)[from]
	if _, copied := expiryTags(meta.Custom)[from+1]; !tagged || copied {
		return nil
	}
	return e.setTag(ctx, found.provider, meta, from+1, expires)
}

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

// An expiry tag is a field of the provider's custom metadata. Each version has its own, so that
// a tag that is written late does not change a later version's.
const expiryTagPrefix = "vaultkit_expires_v"

// Older versions of vaultkit wrote one tag, and beside it the version that it belongs to.
const (
	oldExpiryTag        = "vaultkit_expires_at"
	oldExpiryTagVersion = "vaultkit_expires_version"
)

// expiryTags returns the expiry tags of a provider, by version.
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

// expiry returns the tag of a version, and the newest tag of an earlier version.
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

// writeTagOrWarn writes the expiry tag of the new version. A failure is only a warning, because
// the rotation is committed.
func (tx *transaction) writeTagOrWarn(ctx context.Context, result *Result) {
	if err := tx.writeTag(ctx, result.Record); err != nil {
		result.Warnings = append(result.Warnings, fmt.Sprintf("the expiry tag was not written: %v", err))
	}
}

// writeTag writes the expiry tag of a committed record, unless there is no expiry or the tag
// exists.
func (e *Engine) writeTag(ctx context.Context, record protocol.Record) error {
	if record.ExpiresAt.IsZero() || record.Outcome != protocol.Committed {
		return nil
	}
	meta, err := e.Store.Metadata(ctx, providerEntry(record.Provider))
	if err != nil {
		return err
	}
	if _, tagged := expiryTags(meta.Custom)[record.NewVersion]; tagged {
		return nil
	}
	return e.setTag(ctx, record.Provider, meta, record.NewVersion, record.ExpiresAt.UTC().Format(time.RFC3339))
}

// setTag writes the tag of a version and removes the tags of lower versions. It keeps the tags
// of higher versions, because this request may arrive after a later rotation's.
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
	return e.retryWrite(ctx, func() error { return e.Store.PatchCustomMetadata(ctx, providerEntry(provider), set, remove...) })
}

// completeTag writes the tag of the newest recorded rotation. A crash between record and tag
// leaves it out.
func (e *Engine) completeTag(ctx context.Context, provider string, recorded []protocol.ID) error {
	facts, err := e.providerFacts(ctx, provider)
	if err != nil {
		return err
	}
	slices.SortFunc(recorded, facts.Compare)
	for _, id := range slices.Backward(recorded) {
		if facts.Generation(id) != protocol.SameGeneration {
			continue // its version numbers belong to an earlier generation
		}
		record, err := e.readRecord(ctx, provider, id.String())
		switch {
		case unreadable(err):
			continue // it shows no expiry
		case err != nil:
			return err
		case record.Outcome == protocol.Committed:
			return e.writeTag(ctx, record)
		}
	}
	return nil
}

// copyTagToFence copies the expiry tag of a version to the fence that repeats it. Every client
// that records the rotation does so, because the client that wrote the fence may have crashed.
func (e *Engine) copyTagToFence(ctx context.Context, found *inspection) error {
	if !found.fenced {
		return nil
	}
	from := found.id.Source
	meta, err := e.Store.Metadata(ctx, providerEntry(found.provider))
	if err != nil || meta.Current != from+1 {
		return err
	}
	expires, tagged := expiryTags(meta.Custom)[from]
	if _, copied := expiryTags(meta.Custom)[from+1]; !tagged || copied {
		return nil
	}
	return e.setTag(ctx, found.provider, meta, from+1, expires)
}

package kv2

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"unicode"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

// The limits of custom metadata.
const (
	maxCustomKeys  = 64
	maxCustomKey   = 128
	maxCustomValue = 512
)

func (e *Engine) list(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	dir := p.Text("path")
	names := e.names(dir)
	if !p.Bool("exclude_deleted") {
		return logical.Listing(names), nil
	}
	var kept []string
	for _, name := range names {
		m := e.load(dir + name)
		if name[len(name)-1] != '/' && m != nil && m.versions[m.current] != nil && !m.versions[m.current].deletion.IsZero() {
			continue
		}
		kept = append(kept, name)
	}
	return logical.Listing(kept), nil
}

func (e *Engine) readMetadata(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m := e.load(p.Text("path"))
	if m == nil {
		return nil, nil
	}
	versions := make(map[string]any)
	for n, v := range m.versions {
		about := map[string]any{"created_time": stamp(v.created), "deletion_time": stamp(v.deletion), "destroyed": v.destroyed}
		if !e.bao {
			about["created_by"], about["deleted_by"] = v.createdBy, v.deletedBy
		}
		versions[fmt.Sprint(n)] = about
	}
	about := map[string]any{
		"versions": versions, "current_version": m.current, "oldest_version": m.oldest,
		"created_time": stamp(m.created), "updated_time": stamp(m.updated), "max_versions": m.maxVersions,
		"cas_required": m.casRequired, "delete_version_after": m.deleteVersionAfter.String(),
		"custom_metadata": m.custom,
	}
	if e.bao {
		about["current_metadata_version"], about["metadata_cas_required"] = m.changes, m.metadataCAS
	} else {
		about["last_updated_by"] = m.lastUpdatedBy
	}
	return response(about), nil
}

// keySettings are the parameters that change a key's metadata.
var keySettings = []string{"max_versions", "cas_required", "delete_version_after", "custom_metadata", "metadata_cas_required"}

// writeMetadata sets what the request gives. custom_metadata replaces the whole map.
func (e *Engine) writeMetadata(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	if !slices.ContainsFunc(keySettings, p.Has) {
		return nil, nil
	}
	custom, err := customMetadata(p.Map("custom_metadata"), false)
	if err != nil {
		return nil, err
	}
	m := e.load(p.Text("path"))
	if err := e.checkMetadataCAS(p, m); err != nil {
		return nil, err
	}
	if m == nil {
		now := e.now()
		m = &metadata{path: p.Text("path"), versions: make(map[uint64]*version), created: now, updated: now}
	}
	if p.Has("max_versions") {
		m.maxVersions = uint32(p.Int("max_versions")) //nolint:gosec // as Vault does
	}
	if p.Has("custom_metadata") {
		m.custom = custom
	}
	setCommon(m, p)
	m.changes++
	return e.casWarning(p), e.save(m)
}

// setCommon sets what a POST and a PATCH set alike.
func setCommon(m *metadata, p endpoint.Params) {
	if p.Has("cas_required") {
		m.casRequired = p.Bool("cas_required")
	}
	if p.Has("metadata_cas_required") {
		m.metadataCAS = p.Bool("metadata_cas_required")
	}
	if p.Has("delete_version_after") {
		m.deleteVersionAfter = p.Duration("delete_version_after")
	}
}

// checkMetadataCAS compares OpenBao's check-and-set parameter with the number of changes to a key's
// metadata. Vault's engine does not know the parameter. m is nil for a new key.
func (e *Engine) checkMetadataCAS(p endpoint.Params, m *metadata) error {
	required := e.config.metadataCAS || m != nil && m.metadataCAS
	switch given := p.Has("metadata_cas"); {
	case !slices.ContainsFunc(keySettings, p.Has):
		return nil
	case !given && required:
		return logical.Refuse("metadata check-and-set parameter required for this call")
	case !given:
		return nil
	case m == nil && p.Int("metadata_cas") != 0:
		return logical.Refuse("metadata_cas must be 0 when creating new metadata")
	case m != nil && p.Int("metadata_cas") != m.changes:
		return logical.Refuse("metadata check-and-set parameter does not match the current version")
	}
	return nil
}

// casWarning says that the mount's settings win.
func (e *Engine) casWarning(p endpoint.Params) (warning *logical.Response) {
	for name, required := range map[string]bool{"cas_required": e.config.casRequired, "metadata_cas_required": e.config.metadataCAS} {
		if !required || !p.Has(name) || p.Bool(name) {
			continue
		}
		if warning == nil {
			warning = &logical.Response{}
		}
		warning.Warn(fmt.Sprintf("%q set to false, but is mandated by backend config. This value will be ignored.", name))
	}
	return warning
}

// patchMetadata merges what the request gives into an existing key's metadata.
func (e *Engine) patchMetadata(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	if _, err := customMetadata(p.Map("custom_metadata"), true); err != nil {
		return nil, err
	}
	m := e.load(p.Text("path"))
	if m == nil {
		return logical.Bare(404), nil
	}
	if err := e.checkMetadataCAS(p, m); err != nil {
		return nil, err
	}
	patched, err := mergeSettings(m, p)
	if err != nil {
		return nil, err
	}
	m.maxVersions, m.custom = patched.MaxVersions, patched.CustomMetadata
	setCommon(m, p)
	m.changes++
	return e.casWarning(p), e.save(m)
}

// KeyMetadata holds the settings whose JSON types a patch must have. A client sees the
// type's name in the error of a wrong one.
type KeyMetadata struct {
	MaxVersions    uint32            `json:"max_versions"`
	CustomMetadata map[string]string `json:"custom_metadata"`
}

// mergeSettings merges a patch. The first wrong type in the order of the members is what
// the client sees.
func mergeSettings(m *metadata, p endpoint.Params) (merged KeyMetadata, err error) {
	old := make(map[string]any) // without what is not set, as the real engine stores it
	if m.maxVersions != 0 {
		old["max_versions"] = m.maxVersions
	}
	if len(m.custom) > 0 {
		custom := make(map[string]any, len(m.custom))
		for name, value := range m.custom {
			custom[name] = value
		}
		old["custom_metadata"] = custom
	}
	patch := make(map[string]any)
	if p.Has("max_versions") {
		patch["max_versions"] = p.Int("max_versions")
	}
	if p.Has("custom_metadata") {
		patch["custom_metadata"] = nil // a null removes it
		if given := p.Map("custom_metadata"); given != nil {
			patch["custom_metadata"] = given
		}
	}
	text, err := encodeAfter(old, mergeObject(old, patch))
	if err != nil {
		return merged, err
	}
	return merged, json.Unmarshal(text, &merged)
}

// customMetadata validates custom metadata. In a patch a null removes a pair.
func customMetadata(raw map[string]any, patch bool) (map[string]string, error) {
	const failed = "custom_metadata validation failed"
	pairs := make(map[string]string)
	for name, value := range raw {
		if value == nil && patch {
			continue
		}
		text, err := field.ToString(value)
		if err != nil {
			return nil, logical.Refuse("%s: %s", failed, err)
		}
		pairs[name] = text
	}
	texts := customErrors(pairs)
	if len(texts) == 0 {
		return pairs, nil
	}
	for i := range texts {
		texts[i] = failed + ": " + texts[i]
	}
	return nil, logical.Refuse("%s", logical.Listed(texts...))
}

// customErrors returns everything that is wrong, in the order of the names.
func customErrors(pairs map[string]string) (texts []string) {
	if len(pairs) > maxCustomKeys {
		return []string{fmt.Sprintf("payload must contain at most %d keys, provided %d", maxCustomKeys, len(pairs))}
	}
	names := make([]string, 0, len(pairs))
	for name := range pairs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		value := pairs[name]
		if n := len(name); n == 0 || n > maxCustomKey {
			texts = append(texts, fmt.Sprintf("length of key %q is %d but must be 0 < len(key) <= %d", name, n, maxCustomKey))
		}
		if n := len(value); n == 0 || n > maxCustomValue {
			texts = append(texts, fmt.Sprintf("length of value for key %q is %d but must be 0 < len(value) <= %d", name, n, maxCustomValue))
		}
		if !printable(name) {
			texts = append(texts, fmt.Sprintf("key %q (%s) contains unprintable characters", name, name))
		}
		if !printable(value) {
			texts = append(texts, fmt.Sprintf("value for key %q contains unprintable characters", name))
		}
	}
	return texts
}

func printable(text string) bool {
	for _, c := range text {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	return true
}

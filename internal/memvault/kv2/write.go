package kv2

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

var errNoData = logical.Refuse("no data provided")

// writeData writes a new version.
func (e *Engine) writeData(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	if !p.Has("data") {
		return nil, errNoData
	}
	text, err := json.Marshal(p.Map("data"))
	if err != nil {
		return nil, err
	}
	m := e.load(p.Text("path"))
	if m == nil {
		m = &metadata{path: p.Text("path"), versions: make(map[uint64]*version)}
	}
	if err := e.checkCAS(p, m); err != nil {
		return nil, err
	}
	return e.addVersion(r, p.Text("path"), m, text)
}

// patchData merges into the current version's data and writes the result as a new version.
func (e *Engine) patchData(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	if !p.Has("data") {
		return nil, errNoData
	}
	m := e.load(p.Text("path"))
	if m == nil {
		return logical.Bare(http.StatusNotFound), nil
	}
	if err := e.checkCAS(p, m); err != nil {
		return nil, err
	}
	v := m.versions[m.current]
	if v == nil {
		return logical.Bare(http.StatusNotFound), nil
	}
	if v.gone(e.now()) || v.destroyed {
		return &logical.Response{Status: http.StatusNotFound, Data: m.describe(m.current)}, nil
	}
	text, err := e.patched(p, m.current)
	if err != nil {
		return nil, err
	}
	return e.addVersion(r, p.Text("path"), m, text)
}

func (e *Engine) patched(p endpoint.Params, n uint64) ([]byte, error) {
	old, err := e.content(p.Text("path"), n)
	if err != nil {
		return nil, err
	}
	if old == nil {
		return nil, errors.New("resource does not exist")
	}
	patch := p.Map("data")
	if patch == nil || e.quirk.is(PatchReplaces) {
		return json.Marshal(patch)
	}
	return json.Marshal(mergeObject(old, patch))
}

// checkCAS compares the check-and-set parameter with the current version.
func (e *Engine) checkCAS(p endpoint.Params, m *metadata) error {
	raw, given := p.Map("options")["cas"]
	if !given {
		if e.config.casRequired || m.casRequired {
			return logical.Refuse("check-and-set parameter required for this call")
		}
		return nil
	}
	cas, err := field.ToInt(raw)
	if err != nil {
		return logical.Refuse("error parsing check-and-set parameter")
	}
	if e.quirk.is(CASZeroAfterDelete) && cas == 0 && m.current > 0 && m.versions[m.current].gone(e.now()) {
		return nil
	}
	if uint64(cas) != m.current { //nolint:gosec // a negative number never matches
		return logical.Refuse("check-and-set parameter did not match the current version")
	}
	return nil
}

// addVersion stores a new version and forgets those beyond max_versions.
func (e *Engine) addVersion(r *logical.Request, path string, m *metadata, text []byte) (*logical.Response, error) {
	now := e.now()
	v := &version{created: now, deletion: e.deletionTime(now, m)}
	e.data[versionKey{path, m.current + 1}] = text
	m.lastUpdatedBy = attributed(r)
	keep := e.config.maxVersions
	if e.quirk.is(PruneLate) {
		keep = max(keep, m.maxVersions) + 1
	}
	pruned := m.add(v, keep)
	if err := e.save(m); err != nil {
		return nil, err
	}
	e.forget(path, pruned)
	return response(m.describe(m.current)), nil
}

// forget removes the data of a version and of all older ones.
func (e *Engine) forget(path string, n uint64) {
	for ; n > 0; n-- {
		key := versionKey{path, n}
		if _, ok := e.data[key]; !ok {
			return
		}
		delete(e.data, key)
	}
}

// deletionTime returns when a version written now goes: after the shorter of the mount's
// and the key's delete_version_after, or never.
func (e *Engine) deletionTime(now time.Time, m *metadata) time.Time {
	mount, key := e.config.deleteVersionAfter, m.deleteVersionAfter
	after := key
	if after == 0 || mount != 0 && mount < after {
		after = mount
	}
	if e.quirk.is(LongerLife) {
		after = max(mount, key)
	}
	if after == 0 || e.config.neverDelete() {
		return time.Time{}
	}
	return now.Add(after)
}

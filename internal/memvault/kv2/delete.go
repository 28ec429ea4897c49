package kv2

import (
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
)

// deleteCurrent deletes the current version so that undelete can revive it.
func (e *Engine) deleteCurrent(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m := e.load(p.Text("path"))
	if m == nil {
		return nil, nil
	}
	v, now := m.versions[m.current], e.now()
	if v == nil || v.destroyed || v.gone(now) {
		return nil, nil
	}
	m.lastUpdatedBy = attributed(r)
	v.deletion, v.deletedBy = now, m.lastUpdatedBy
	return nil, e.save(m)
}

// deleteVersions does the same to the versions that the request names.
func (e *Engine) deleteVersions(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	by := attributed(r)
	return e.eachVersion(p, "No version number provided", by, func(_ *metadata, v *version) {
		if now := e.now(); !v.gone(now) {
			v.deletion, v.deletedBy = now, by
		}
	})
}

// undelete revives versions. Their time until deletion starts anew.
func (e *Engine) undelete(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	by := attributed(r)
	by.Operation = "undelete"
	return e.eachVersion(p, "No version number provided", by, func(m *metadata, v *version) {
		v.deletion, v.deletedBy = e.deletionTime(e.now(), m), nil
	})
}

// destroy removes the data of versions for good.
func (e *Engine) destroy(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	answer, err := e.eachVersion(p, "no version number provided", nil, func(_ *metadata, v *version) {
		v.destroyed = true
	})
	if err == nil && e.load(p.Text("path")) != nil {
		for _, n := range p.Ints("versions") {
			delete(e.data, versionKey{p.Text("path"), uint64(n)}) //nolint:gosec // a negative one is not there
		}
	}
	return answer, err
}

// eachVersion changes the versions that the request names and that still have data. by, if
// not nil, becomes the one who updated the key last.
func (e *Engine) eachVersion(
	p endpoint.Params, none string, by *attribution, change func(*metadata, *version),
) (*logical.Response, error) {
	numbers := p.Ints("versions")
	if len(numbers) == 0 {
		return nil, logical.Refuse("%s", none)
	}
	m := e.load(p.Text("path"))
	if m == nil {
		return nil, nil
	}
	for _, n := range numbers {
		v := m.versions[uint64(n)] //nolint:gosec // a negative one is not there
		if v != nil && (!v.destroyed || e.quirk.is(UndestroyedByDelete)) {
			change(m, v)
		}
	}
	if by != nil {
		m.lastUpdatedBy = by
	}
	return nil, e.save(m)
}

// deleteMetadata removes a key with all its versions. A later write starts at version 1.
func (e *Engine) deleteMetadata(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m := e.load(p.Text("path"))
	if m == nil {
		return nil, nil
	}
	for n := range m.versions {
		delete(e.data, versionKey{p.Text("path"), n})
	}
	if e.quirk.is(VersionsGoOn) {
		m.versions, m.created, m.updated = make(map[uint64]*version), time.Time{}, time.Time{}
		return nil, e.save(m)
	}
	e.keys.Delete(clean(p.Text("path")))
	return nil, nil
}

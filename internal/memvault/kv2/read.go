package kv2

import (
	"encoding/json"
	"errors"
	"net/http"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
)

func (e *Engine) readData(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	return e.readVersion(p, "data", func(data map[string]any) map[string]any { return data })
}

// readSubkeys reads the names inside a version's data, without the values.
func (e *Engine) readSubkeys(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	return e.readVersion(p, "subkeys", func(data map[string]any) map[string]any {
		return withoutValues(data, 1, p.Int("depth"))
	})
}

func withoutValues(data map[string]any, depth, most int) map[string]any {
	for name, value := range data {
		inner, object := value.(map[string]any)
		if object && len(inner) > 0 && (most == 0 || depth < most) {
			data[name] = withoutValues(inner, depth+1, most)
		} else {
			data[name] = nil
		}
	}
	return data
}

// readVersion reads the version that the query names, or the current one. A version that
// is deleted or destroyed is a 404 with a body, one that is not there a 404 without.
func (e *Engine) readVersion(p endpoint.Params, member string, show func(map[string]any) map[string]any) (*logical.Response, error) {
	m := e.load(p.Text("path"))
	if m == nil {
		return nil, nil
	}
	n := e.wanted(m, p.Int("version"))
	v := m.versions[n]
	if v == nil {
		return nil, nil
	}
	found := response(map[string]any{member: nil, "metadata": m.describe(n)})
	if v.gone(e.now()) || v.destroyed {
		if e.quirk.is(DeletedIsBare) {
			return nil, nil
		}
		found.Status = http.StatusNotFound
		return found, nil
	}
	data, err := e.content(p.Text("path"), n)
	if err != nil {
		return nil, err
	}
	found.Data[member] = show(data)
	return found, nil
}

// wanted returns the number of the version to read.
func (e *Engine) wanted(m *metadata, asked int) uint64 {
	if asked > 0 {
		return uint64(asked)
	}
	n := m.current
	if e.quirk.is(ReadFallsBack) {
		for n > 1 && m.versions[n] != nil && m.versions[n].gone(e.now()) {
			n--
		}
	}
	return n
}

// content returns a version's data. Its numbers pass through float64.
func (e *Engine) content(path string, n uint64) (data map[string]any, err error) {
	text, ok := e.data[versionKey{path, n}]
	if !ok {
		return nil, errors.New("could not find version data")
	}
	if e.quirk.is(ExactNumbers) {
		err = decodeExactly(text, &data)
	} else {
		err = json.Unmarshal(text, &data)
	}
	return data, err
}

package kv2

import (
	"time"
)

// Upgraded returns an engine that holds the secrets of a mount of version 1, by path and as
// JSON text, as version 1 of its keys.
func Upgraded(now func() time.Time, quirk *Quirk, secrets map[string][]byte) *Engine {
	e := New(now, quirk)
	for path, text := range secrets {
		m := &metadata{
			path: path, versions: make(map[uint64]*version), oldest: 1,
			lastUpdatedBy: &attribution{Actor: "kv_upgrade", Operation: "upgrade"},
		}
		m.add(&version{created: now()}, 0)
		if e.save(m) == nil { // a path that is not UTF-8 stays behind
			e.data[versionKey{path, 1}] = text
		}
	}
	return e
}

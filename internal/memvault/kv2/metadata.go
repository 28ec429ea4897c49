package kv2

import (
	"errors"
	"maps"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"goblin/vaultkit/internal/memvault/logical"
)

// defaultMaxVersions counts if neither the mount nor the key says how many to keep.
const defaultMaxVersions = 10

// metadata is what the engine knows of a key.
type metadata struct {
	path               string
	current, oldest    uint64
	created, updated   time.Time
	versions           map[uint64]*version
	maxVersions        uint32
	casRequired        bool
	metadataCAS        bool // required, on OpenBao
	deleteVersionAfter time.Duration
	custom             map[string]string
	lastUpdatedBy      *attribution
	changes            int // of the metadata, as OpenBao counts them
}

// version is what the engine knows of a version of a key.
type version struct {
	created, deletion    time.Time // deletion is zero for never, and may lie ahead
	destroyed            bool
	createdBy, deletedBy *attribution
}

// attribution says who did something.
type attribution struct {
	Actor     string `json:"actor,omitempty"`
	Operation string `json:"operation,omitempty"`
	EntityID  string `json:"entity_id,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
}

func attributed(r *logical.Request) *attribution {
	return &attribution{
		Actor: r.Actor.DisplayName, Operation: string(r.Operation), EntityID: r.Actor.EntityID, ClientID: r.Actor.ClientID,
	}
}

// clean returns the path under which a key's metadata is stored.
func clean(key string) string {
	if key == "" || key == "/" {
		return ""
	}
	return strings.TrimPrefix(path.Clean(key), "/")
}

// load returns a copy of a key's metadata, or nil. A handler changes the copy and saves
// it, so that a refusal in between changes nothing.
func (e *Engine) load(key string) *metadata {
	stored := e.keys.Get(clean(key))
	if stored == nil {
		return nil
	}
	m := *stored
	m.custom = maps.Clone(stored.custom)
	m.versions = make(map[uint64]*version, len(stored.versions))
	for n, v := range stored.versions {
		one := *v
		m.versions[n] = &one
	}
	return &m
}

// save stores a key's metadata.
func (e *Engine) save(m *metadata) error {
	if !utf8.ValidString(m.path) {
		return errors.New("string field contains invalid UTF-8")
	}
	if len(m.custom) == 0 {
		m.custom = nil
	}
	e.keys.Set(clean(m.path), m)
	return nil
}

// names returns the keys directly below a directory, directories with a slash, in order.
func (e *Engine) names(dir string) []string {
	prefix := clean(dir)
	if prefix != "" {
		prefix += "/"
	}
	if e.quirk.is(ListDeep) {
		return e.keys.Paths()
	}
	return e.keys.List(prefix)
}

// add adds a version. It returns the number of the newest version whose data goes.
func (m *metadata) add(v *version, mountMax uint32) (pruned uint64) {
	m.current++
	v.createdBy = m.lastUpdatedBy
	m.versions[m.current] = v
	m.updated = v.created
	if m.created.IsZero() {
		m.created = v.created
	}
	keep := max(m.maxVersions, mountMax)
	if keep == 0 {
		keep = defaultMaxVersions
	}
	if uint32(m.current-m.oldest) < keep { //nolint:gosec // as Vault counts
		return 0
	}
	pruned = m.current - uint64(keep)
	for n := m.oldest; n <= pruned; n++ {
		delete(m.versions, n)
	}
	m.oldest = pruned + 1
	return pruned
}

// gone reports whether the version's time has come.
func (v *version) gone(now time.Time) bool { return !v.deletion.IsZero() && v.deletion.Before(now) }

// stamp formats a time as Vault does. No time is an empty text.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// describe returns what a read or a write says about a version.
func (m *metadata) describe(n uint64) map[string]any {
	v := m.versions[n]
	return map[string]any{
		"version": n, "created_time": stamp(v.created), "deletion_time": stamp(v.deletion), "destroyed": v.destroyed,
		"custom_metadata": m.custom,
	}
}

package memvault

import (
	"sort"
	"strings"
	"time"

	"goblin/vaultkit/internal/memvault/logical"
)

// engine serves the paths of a mount. An endpoint.Table is one.
type engine interface {
	// Exists reports whether the path has an existence check, and what it says.
	Exists(*logical.Request) (checked, exists bool, err error)
	Handle(*logical.Request) (*logical.Response, error)
}

// mount is an engine at a path.
type mount struct {
	path        string // with a final slash
	kind        string
	description string
	local       bool
	openBao     bool // it is a mount of an OpenBao
	accessor    string
	uuid        string
	options     map[string]string
	settings    mountSettings
	engine      engine

	// open reports whether a path inside the mount needs no token. It may be nil.
	open func(path string) bool
}

func (m *mount) isOpen(r *logical.Request) bool { return m.open != nil && m.open(r.At(m.path).Path) }

// mountSettings is what an operator may tune of a mount.
type mountSettings struct {
	defaultTTL, maxTTL time.Duration // 0 for the system's
	forceNoCache       bool
	tokenType          string   // of an auth method, otherwise empty
	headers            []string // passed through to the engine
}

// mounts is the table of mounts: engines at their path, auth methods below auth/.
type mounts struct {
	byPath  map[string]*mount
	openBao bool
}

func (m *mounts) add(one *mount) {
	one.openBao = m.openBao
	m.byPath[one.path] = one
}

// find returns the mount that serves a path, or nil. A mount's path without its slash
// belongs to the mount too.
func (m *mounts) find(path string) *mount {
	var best *mount
	for prefix, one := range m.byPath {
		if strings.HasPrefix(path, prefix) || path+"/" == prefix {
			if best == nil || len(prefix) > len(best.path) {
				best = one
			}
		}
	}
	return best
}

// list returns the mounts in the order of their paths.
func (m *mounts) list() []*mount {
	all := make([]*mount, 0, len(m.byPath))
	for _, one := range m.byPath {
		all = append(all, one)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].path < all[j].path })
	return all
}

package memvault

import (
	"slices"
	"strings"

	"goblin/vaultkit/internal/memvault/cubbyhole"
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/kv1"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/random"
	"goblin/vaultkit/internal/memvault/wrapping"
)

// newMounts returns the mounts of a new server.
func (s *Server) newMounts() *mounts {
	table := &mounts{byPath: make(map[string]*mount), openBao: s.OpenBao()}
	kv := newMount("secret/", "kv", map[string]string{"version": "2"})
	kv.engine = s.newKV()
	sys := newMount("sys/", "system", nil)
	sys.engine = endpoint.NewTable(s.sysEndpoints()...)
	sys.description = "system endpoints used for control, policy and debugging"
	sys.open = isOpenSys
	private := newMount("cubbyhole/", "cubbyhole", nil)
	private.description, private.local, private.engine = "per-token private secret storage", true, cubbyhole.New()
	entities := newMount("identity/", "identity", nil)
	entities.description, entities.engine = "identity store", endpoint.NewTable()
	sys.settings.headers, entities.settings.headers = []string{"Accept"}, []string{"Authorization"}
	for _, m := range []*mount{kv, sys, private, entities} {
		table.add(m)
	}
	s.addAuthMethods(table)
	return table
}

// sysEndpoints lists the paths below sys/ that are not served by HTTP handlers.
func (s *Server) sysEndpoints() []endpoint.Endpoint {
	return slices.Concat(
		s.mountEndpoints(), s.uiEndpoints(), s.authEndpoints(), s.rootOnly(s.auditEndpoints()), s.namespaceEndpoints(),
		s.policies.Endpoints(), s.tokens.CapabilityEndpoints(), s.wrapping.Endpoints(),
	)
}

// isOpenSys reports whether a path below sys/ needs no token, or checks the token itself.
func isOpenSys(path string) bool {
	return strings.HasPrefix(path, "internal/ui/mounts") || path == wrapping.Open
}

// newMount returns a mount without its engine.
func newMount(path, kind string, options map[string]string) *mount {
	return &mount{path: path, kind: kind, accessor: kind + "_" + random.Hex(4), uuid: random.UUID(), options: options}
}

// newEngine returns a secrets engine of a type, as sys/mounts names it.
func (s *Server) newEngine(kind string, options map[string]string) (engine, error) {
	if kind != "kv" && kind != "generic" {
		return nil, logical.Refuse("plugin not found in the catalog: %s", kind)
	}
	switch options["version"] {
	case "", "1":
		return kv1.New(), nil
	case "2":
		return s.newKV(), nil
	default:
		return nil, logical.Refuse("nil backend of type %q returned from factory", kind)
	}
}

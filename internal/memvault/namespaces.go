package memvault

import (
	"net/http"
	"slices"
	"strings"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/policies"
	"goblin/vaultkit/internal/memvault/random"
)

// A namespace of OpenBao is a Server of its own inside the process: it has its own mounts, policies
// and tokens, and shares clock, seal, audit devices and sockets with the others. A token may use the
// namespaces inside its own, where its policies say so with paths like a/secret/data/x. In all others
// it may look itself up, renew, revoke and unwrap. Left out are locks, seals and quotas of namespaces,
// and PATCH and SCAN of sys/namespaces.

// namespace is what tells one namespace from another.
type namespace struct {
	path string // "" for the root one, otherwise with a final slash
	id   string
	uuid string
	meta map[string]string
}

// newNamespace adds a namespace to the server.
func (s *Server) newNamespace(path string, meta map[string]string) *Server {
	inside := &Server{
		process: s.process, policies: policies.NewStore(), namespace: namespace{path, random.Text(6), random.UUID(), meta},
	}
	inside.tokens = s.tokens.Namespace(path, inside.namespace.id, inside.policies)
	inside.policies.HideRoot()
	inside.policies.AsOpenBao(s.clock.Now)
	inside.wrapping = s.wrapping.Namespace(inside.tokens)
	inside.mounts = inside.newMounts()
	for path, m := range inside.mounts.byPath {
		if !m.isBuiltIn() {
			delete(inside.mounts.byPath, path) // a new namespace has what every one has
			continue
		}
		m.kind = "ns_" + m.kind
		if m.isAuth() {
			m.settings.tokenType = "default"
		}
	}
	s.namespaces[path] = inside
	return inside
}

// inNamespace returns the namespace that a request names, by its header and by the beginning of its
// path, or nil. Vault's community edition has none and ignores the header.
func (s *Server) inNamespace(r *logical.Request) *Server {
	if !s.OpenBao() {
		return s
	}
	inside := s.namespaces[namespacePath(r.Headers.Get("X-Vault-Namespace"))]
	for inside != nil {
		first, rest, found := strings.Cut(r.Path, "/")
		child := s.namespaces[inside.namespace.path+first+"/"]
		if !found || child == nil {
			return inside
		}
		inside, r.Path = child, rest
	}
	return nil
}

// ownPaths are the paths that OpenBao serves in the namespace of the request's token, whichever the
// request names.
var ownPaths = []string{
	"auth/token/lookup-self", "auth/token/renew-self", "auth/token/revoke-self", "sys/wrapping/unwrap", "sys/wrapping/rewrap",
}

// serving returns the namespace that serves a request: the one that it names, or its token's.
func (s *Server) serving(r *logical.Request) *Server {
	inside := s.inNamespace(r)
	if inside == nil || !slices.Contains(ownPaths, r.Path) {
		return inside
	}
	if home, found := s.tokens.HomeOf(r.Token); found {
		return s.namespaces[home]
	}
	return inside
}

// namespacePath returns the path of a namespace as a header names it.
func namespacePath(header string) string {
	parts := slices.DeleteFunc(strings.Split(header, "/"), func(part string) bool { return part == "" })
	if len(parts) == 0 || len(parts) == 1 && parts[0] == "root" {
		return ""
	}
	return strings.Join(parts, "/") + "/"
}

// noNamespace is the answer to a request in a namespace that does not exist.
func noNamespace() *logical.Error {
	return &logical.Error{Status: http.StatusNotFound, Text: "namespace not found"}
}

// outsideNamespaces serves a path that only requests without a namespace may use.
func (s *Server) outsideNamespaces(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.OpenBao() && r.Header.Get("X-Vault-Namespace") != "" {
			writeError(w, logical.Refuse("operation unavailable in namespaces"))
			return
		}
		next(w, r)
	}
}

// rootOnly serves a path that only the root namespace has.
func (s *Server) rootOnly(endpoints []endpoint.Endpoint) []endpoint.Endpoint {
	if s.namespace.path == "" {
		return endpoints
	}
	refuse := func(*logical.Request, endpoint.Params) (*logical.Response, error) {
		return nil, logical.Refuse("operation only available in root namespace")
	}
	for i := range endpoints {
		for operation := range endpoints[i].Operations {
			endpoints[i].Operations[operation] = refuse
		}
	}
	return endpoints
}

// namespaceEndpoints are the paths that manage namespaces.
func (s *Server) namespaceEndpoints() []endpoint.Endpoint {
	if !s.OpenBao() {
		return nil
	}
	return []endpoint.Endpoint{
		{Pattern: "namespaces/?", Operations: operations{logical.List: s.listNamespaces}},
		{
			Pattern: "namespaces/(?P<path>.+?)/?", Fields: fields{"custom_metadata": field.Pairs, "seal": field.Unsupported},
			Operations: operations{logical.Read: s.readNamespace, logical.Update: s.createNamespace, logical.Delete: s.deleteNamespace},
		},
	}
}

func (s *Server) listNamespaces(*logical.Request, endpoint.Params) (*logical.Response, error) {
	var names []string
	about := make(map[string]any)
	for path, one := range s.namespaces {
		name, below := strings.CutPrefix(path, s.namespace.path)
		if below && strings.Count(name, "/") == 1 {
			names, about[name] = append(names, name), one.namespace.describe()
		}
	}
	response := logical.Listing(slices.Sorted(slices.Values(names)))
	if len(names) > 0 {
		response.Data["key_info"] = about
	}
	return response, nil
}

func (n namespace) describe() map[string]any {
	meta := n.meta
	if meta == nil {
		meta = map[string]string{}
	}
	return map[string]any{
		"id": n.id, "uuid": n.uuid, "path": n.path, "custom_metadata": meta, "locked": false, "tainted": false,
	}
}

func (s *Server) readNamespace(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	one := s.namespaces[s.namespace.path+p.Text("path")+"/"]
	if one == nil {
		return nil, nil
	}
	return &logical.Response{Data: one.namespace.describe()}, nil
}

// createNamespace also accepts a namespace that exists.
func (s *Server) createNamespace(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	name := p.Text("path")
	switch {
	case strings.Contains(name, "/"):
		return nil, logical.Refuse("namespace name cannot contain /")
	case strings.Contains(name, " "):
		return nil, logical.Refuse("%q contains space characters that cannot be used in a namespace name", name)
	case slices.Contains([]string{"root", "sys", "audit", "auth", "cubbyhole", "identity"}, name):
		return nil, logical.Refuse("%q is a reserved path and cannot be used as a namespace name", name+"/")
	}
	if s.mounts.byPath[name+"/"] != nil {
		return nil, logical.Refuse("new namespace conflicts with existing mount: %s/", name)
	}
	one := s.namespaces[s.namespace.path+name+"/"]
	if one == nil {
		one = s.newNamespace(s.namespace.path+name+"/", p.Pairs("custom_metadata"))
	}
	return &logical.Response{Data: one.namespace.describe()}, nil
}

func (s *Server) deleteNamespace(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := s.namespace.path + p.Text("path") + "/"
	if s.namespaces[path] == nil {
		return &logical.Response{Warnings: []string{"requested namespace does not exist"}}, nil
	}
	for other := range s.namespaces {
		if other != path && strings.HasPrefix(other, path) {
			return nil, logical.Refuse("unable to delete namespace containing child namespaces")
		}
	}
	s.namespaces[path].tokens.RevokeAll("")
	delete(s.namespaces, path)
	return &logical.Response{Data: map[string]any{"status": "in-progress"}}, nil
}

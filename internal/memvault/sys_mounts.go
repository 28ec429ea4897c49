package memvault

import (
	"strings"
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

// systemTTL is the TTL of a mount that does not set its own.
const systemTTL = 32 * 24 * time.Hour

type (
	fields     = map[string]field.Kind
	operations = map[logical.Operation]endpoint.Handler
)

// mountEndpoints are the paths that manage secrets engines.
func (s *Server) mountEndpoints() []endpoint.Endpoint {
	return []endpoint.Endpoint{
		{Pattern: "mounts", Operations: operations{logical.Read: s.listMounts}},
		{Pattern: "mounts/(?P<path>.+?)/tune", Fields: tuneFields, Operations: operations{
			logical.Read: s.readTune, logical.Update: s.tune,
		}},
		{Pattern: "mounts/(?P<path>.+?)", Fields: mountFields, Operations: operations{
			logical.Read: s.readMount, logical.Update: s.enableMount, logical.Delete: s.disableMount,
		}},
	}
}

var mountFields = fields{
	"type": field.String, "description": field.String, "options": field.Pairs, "config": field.Map,
	"local": field.Unsupported, "seal_wrap": field.Unsupported, "external_entropy_access": field.Unsupported,
	"plugin_name": field.Unsupported, "plugin_version": field.Unsupported,
}

func (s *Server) listMounts(*logical.Request, endpoint.Params) (*logical.Response, error) {
	data := make(map[string]any)
	for _, m := range s.mounts.list() {
		if !m.isAuth() {
			data[m.path] = m.describe()
		}
	}
	return &logical.Response{Data: data}, nil
}

// isAuth reports whether the mount is an auth method.
func (m *mount) isAuth() bool { return strings.HasPrefix(m.path, "auth/") }

// describe returns what sys/mounts and sys/auth say about a mount.
func (m *mount) describe() map[string]any {
	settings := map[string]any{
		"default_lease_ttl": int(m.settings.defaultTTL.Seconds()), "max_lease_ttl": int(m.settings.maxTTL.Seconds()),
		"force_no_cache": m.settings.forceNoCache,
	}
	m.settings.addOptional(settings)
	about := map[string]any{
		"type": m.kind, "description": m.description, "accessor": m.accessor, "uuid": m.uuid, "options": m.options,
		"config": settings, "local": m.local, "seal_wrap": m.path == "sys/", "external_entropy_access": false,
		"plugin_version": "", "running_sha256": "", "running_plugin_version": m.pluginVersion(),
	}
	if !m.isBuiltIn() {
		about["deprecation_status"] = "supported"
	}
	return about
}

// addOptional adds the settings that are shown only if they are set.
func (m mountSettings) addOptional(shown map[string]any) {
	if m.tokenType != "" {
		shown["token_type"] = m.tokenType
	}
	if m.headers != nil {
		shown["passthrough_request_headers"] = m.headers
	}
}

// isBuiltIn reports whether every Vault has the mount.
func (m *mount) isBuiltIn() bool {
	switch m.path {
	case "sys/", "cubbyhole/", "identity/", "auth/token/":
		return true
	}
	return false
}

func (m *mount) pluginVersion() string {
	if m.openBao {
		return "v" + OpenBaoVersion + "+builtin.bao"
	}
	if version, ok := pluginVersions[m.kind]; ok {
		return version + "+builtin"
	}
	return "v" + Version + "+builtin.vault"
}

// pluginVersions are those of the plugins with versions of their own.
var pluginVersions = map[string]string{"kv": "v0.25.0", "kubernetes": "v0.23.1", "jwt": "v0.25.0"}

func (s *Server) readMount(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := directory(p.Text("path"))
	m := s.mounts.byPath[path]
	if m == nil {
		return nil, logical.Refuse("No secret engine mount at %s", path)
	}
	return &logical.Response{Data: m.describe()}, nil
}

// directory returns a path with exactly one final slash.
func directory(path string) string { return strings.Trim(path, "/") + "/" }

// enableMount mounts a secrets engine.
func (s *Server) enableMount(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path, kind, options := directory(p.Text("path")), p.Text("type"), p.Pairs("options")
	if kind == "" {
		return nil, logical.Refuse("backend type must be specified as a string")
	}
	if version, found := strings.CutPrefix(kind, "kv-v"); found {
		kind = "kv"
		if options == nil {
			options = make(map[string]string)
		}
		options["version"] = version
	}
	settings, err := mountSettingsOf(p.Map("config"))
	if err != nil {
		return nil, err
	}
	if err := s.checkMountPath(path); err != nil {
		return nil, err
	}
	m := newMount(path, kind, options)
	m.description, m.settings = p.Text("description"), settings
	if m.engine, err = s.newEngine(kind, options); err != nil {
		return nil, err
	}
	s.mounts.add(m)
	return nil, nil
}

// checkMountPath refuses a path that is reserved or taken.
func (s *Server) checkMountPath(path string) error {
	for _, reserved := range []string{"auth/", "sys/", "cubbyhole/", "identity/"} {
		if strings.HasPrefix(path, reserved) {
			return logical.Refuse("cannot mount %q", path)
		}
	}
	for _, m := range s.mounts.list() {
		if strings.HasPrefix(path, m.path) || strings.HasPrefix(m.path, path) {
			return logical.Refuse("path is already in use at %s", m.path)
		}
	}
	return nil
}

// mountSettingsOf reads the config of a mount and refuses what it does not know.
func mountSettingsOf(config map[string]any) (set mountSettings, err error) {
	for name, raw := range config {
		switch name {
		case "default_lease_ttl":
			set.defaultTTL, err = field.ParseDuration(raw)
		case "max_lease_ttl":
			set.maxTTL, err = field.ParseDuration(raw)
		case "force_no_cache":
			set.forceNoCache, _ = raw.(bool)
		default:
			if !field.IsZero(raw) {
				return set, logical.Unsupported("the parameter config." + name + " of sys/mounts")
			}
		}
		if err != nil {
			return set, logical.Refuse("unable to parse %s of the mount's config: %s", name, err)
		}
	}
	return set, nil
}

// disableMount unmounts an engine with everything in it. One that is not there is no error.
func (s *Server) disableMount(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := directory(p.Text("path"))
	m := s.mounts.byPath[path]
	if m == nil {
		return nil, nil
	}
	if m.isBuiltIn() {
		return nil, logical.Refuse("cannot unmount %q", path)
	}
	delete(s.mounts.byPath, path)
	return nil, nil
}

package memvault

import (
	"maps"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

var tuneFields = fields{
	"description": field.String, "default_lease_ttl": field.String, "max_lease_ttl": field.String, "options": field.Pairs,
	"audit_non_hmac_request_keys": field.Unsupported, "audit_non_hmac_response_keys": field.Unsupported,
	"listing_visibility": field.Unsupported, "passthrough_request_headers": field.Unsupported,
	"allowed_response_headers": field.Unsupported, "allowed_managed_keys": field.Unsupported,
	"token_type": field.Unsupported, "plugin_version": field.Unsupported, "user_lockout_config": field.Unsupported,
	"identity_token_key": field.Unsupported, "delegated_auth_accessors": field.Unsupported,
}

func (s *Server) readTune(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := directory(p.Text("path"))
	m := s.mounts.byPath[path]
	if m == nil {
		return nil, logical.Refuse("cannot fetch sysview for path %q", path)
	}
	data := m.effective()
	data["description"] = m.description
	if len(m.options) > 0 {
		data["options"] = m.options
	}
	return &logical.Response{Data: data}, nil
}

// effective returns the settings that are in force.
func (m *mount) effective() map[string]any {
	data := map[string]any{
		"default_lease_ttl": int(systemTTL.Seconds()), "max_lease_ttl": int(systemTTL.Seconds()), "force_no_cache": m.settings.forceNoCache,
	}
	if m.settings.defaultTTL > 0 {
		data["default_lease_ttl"] = int(m.settings.defaultTTL.Seconds())
	}
	if m.settings.maxTTL > 0 {
		data["max_lease_ttl"] = int(m.settings.maxTTL.Seconds())
	}
	if m.settings.tokenType != "" {
		data["token_type"] = m.settings.tokenType
	}
	return data
}

// tune changes a mount's settings.
func (s *Server) tune(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := directory(p.Text("path"))
	m := s.mounts.byPath[path]
	if m == nil {
		return nil, logical.Refuse("tune of path %q failed: no mount entry found", path)
	}
	if err := checkVersion(m, p.Pairs("options")); err != nil {
		return nil, err
	}
	if err := tuneTTLs(m, p); err != nil {
		return nil, err
	}
	if p.Has("description") {
		m.description = p.Text("description")
	}
	if p.Has("options") {
		options := maps.Clone(m.options)
		if options == nil {
			options = make(map[string]string)
		}
		maps.Copy(options, p.Pairs("options"))
		m.options = options
	}
	return nil, nil
}

func checkVersion(m *mount, options map[string]string) error {
	now, want := m.options["version"], options["version"]
	switch {
	case m.kind != "kv" || want == "" || want == now:
		return nil
	case now == "2":
		return logical.Refuse("cannot downgrade mount from version 2")
	default:
		return logical.Unsupported("tuning a KV mount from version 1 to version " + want)
	}
}

func tuneTTLs(m *mount, p endpoint.Params) error {
	for _, name := range []string{"default_lease_ttl", "max_lease_ttl"} {
		text := p.Text(name)
		if text == "" {
			continue
		}
		ttl, err := field.ParseDuration(text)
		switch {
		case text == "system":
			ttl = 0
		case err != nil:
			return logical.Refuse("unable to parse %s: %s", name, err)
		}
		if name == "max_lease_ttl" {
			m.settings.maxTTL = ttl
		} else {
			m.settings.defaultTTL = ttl
		}
	}
	return nil
}

package memvault

import (
	"cmp"
	"fmt"
	"maps"
	"strconv"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/kv1"
	"goblin/vaultkit/internal/memvault/kv2"
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
	m.settings.addOptional(data)
	return data
}

// tune changes a mount's settings.
func (s *Server) tune(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := directory(p.Text("path"))
	m := s.mounts.byPath[path]
	if m == nil {
		return nil, logical.Refuse("tune of path %q failed: no mount entry found", path)
	}
	upgrade, err := checkVersion(m, p.Pairs("options"))
	if err != nil {
		return nil, err
	}
	if err := tuneTTLs(m, p); err != nil {
		return nil, err
	}
	if p.Has("description") {
		m.description = p.Text("description")
	}
	var answer *logical.Response
	if upgrade {
		answer = s.upgrade(m)
	}
	if p.Has("options") {
		options := maps.Clone(m.options)
		if options == nil {
			options = make(map[string]string)
		}
		maps.Copy(options, p.Pairs("options"))
		m.options = options
	}
	return answer, nil
}

// checkVersion reports whether the options upgrade a KV mount to version 2.
func checkVersion(m *mount, options map[string]string) (upgrade bool, err error) {
	text, given := options["version"]
	if m.kind != "kv" || !given {
		return false, nil
	}
	want, err := strconv.ParseInt(text, 10, 0)
	if err != nil {
		return false, logical.Refuse("unable to parse options: %s", err)
	}
	now := m.options["version"]
	switch {
	case want < 0 || want > 2:
		return false, logical.Refuse("invalid version provided: %d", want)
	case now == "2" && want != 2:
		return false, logical.Refuse("cannot downgrade mount from version %s", now)
	default:
		return now != "2" && want == 2, nil
	}
}

// upgrade turns a KV mount of version 1 into one of version 2, at once.
func (s *Server) upgrade(m *mount) *logical.Response {
	old := cmp.Or(m.options["version"], "0")
	if engine, ok := m.engine.(*kv1.Engine); ok {
		m.engine = kv2.Upgraded(s.clock.Now, &s.quirk, engine.Secrets())
	}
	response := &logical.Response{}
	response.Warn(fmt.Sprintf(
		"Upgrading mount from version %s to version 2. This mount will be unavailable for a brief period and will resume service shortly.", old))
	return response
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

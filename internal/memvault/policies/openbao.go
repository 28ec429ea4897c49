package policies

import (
	"errors"
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

// settings are what OpenBao stores with a policy. The flags about templates have no effect, because
// templates are refused.
type settings struct {
	casRequired        bool
	expires            time.Time // zero: never
	slashes, wildcards bool
}

const (
	slashes   = "allow_slashes_in_identity_templates"
	wildcards = "allow_wildcards_in_identity_templates"
)

var settingFields = map[string]field.Kind{
	"cas": field.Int, "cas_required": field.Bool, "ttl": field.Duration, "expiration": field.String,
	slashes: field.Bool, wildcards: field.Bool,
}

// AsOpenBao makes the store answer like OpenBao, which counts the changes of a policy.
func (s *Store) AsOpenBao(now func() time.Time) {
	s.now = now
	for name, policy := range s.byName {
		if policy.Text != "" {
			s.byName[name].version, s.byName[name].modified = 1, now()
		}
	}
}

func (s *Store) expired(policy *stored) bool {
	return s.now != nil && !policy.expires.IsZero() && !s.now().Before(policy.expires)
}

// describe adds what a read shows.
func (p *stored) describe(data map[string]any) {
	data["version"], data["cas_required"] = p.version, p.casRequired
	data[slashes], data[wildcards] = p.slashes, p.wildcards
	if !p.modified.IsZero() {
		data["modified"] = p.modified
	}
	if !p.expires.IsZero() {
		data["expiration"] = p.expires
	}
}

// setGiven replaces a policy and its settings by those of a request. Vault has no settings.
func (s *Store) setGiven(name, text string, p endpoint.Params) error {
	if s.now == nil {
		return refused(s.Set(name, text))
	}
	with := settings{casRequired: p.Bool("cas_required"), slashes: p.Bool(slashes), wildcards: p.Bool(wildcards)}
	var err error
	if with.expires, err = s.expiration(p); err != nil {
		return err
	}
	if !p.Has("cas") {
		return refused(s.set(name, text, nil, with))
	}
	cas := p.Int("cas")
	return refused(s.set(name, text, &cas, with))
}

// refused makes a refusal of an error whose text is for the client.
func refused(err error) error {
	if err == nil {
		return nil
	}
	return logical.Refuse("%s", err)
}

// expiration returns when a policy ends, or a zero time.
func (s *Store) expiration(p endpoint.Params) (at time.Time, err error) {
	switch {
	case p.Has("ttl") && p.Has("expiration"):
		return at, logical.Refuse("cannot supply both 'expiration' and 'ttl' for policies")
	case p.Has("ttl"):
		return s.now().Add(p.Duration("ttl")), nil
	case !p.Has("expiration"):
		return at, nil
	}
	at, err = time.Parse(time.RFC3339, p.Text("expiration"))
	switch {
	case err != nil:
		return at, logical.Refuse("Field validation failed: error converting input for field %q: could not parse string as date and time", "expiration")
	case !s.now().Before(at):
		return at, logical.Refuse("refusing to update policy as expiration time has already elapsed")
	}
	return at, nil
}

// checkCAS compares the check-and-set parameter with the policy's version. It is -1 for a policy that
// must not exist. old is nil for a new policy.
func checkCAS(old *stored, cas *int, with settings) error {
	version := 0
	if old != nil {
		version = old.version
	}
	switch required := with.casRequired || old != nil && old.casRequired; {
	case cas == nil && required:
		return errors.New("check-and-set parameter required for this call")
	case cas == nil, *cas == -1 && old == nil:
		return nil
	case *cas == -1:
		return errors.New("check-and-set parameter set to -1 on existing entry")
	case *cas != version:
		return errors.New("check-and-set parameter did not match the current version")
	}
	return nil
}

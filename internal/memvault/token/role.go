package token

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
)

// Role is the part of an auth method's role that is about tokens. All methods name its
// parameters alike.
type Role struct {
	Policies    []string
	NoDefault   bool
	TTL         time.Duration
	MaxTTL      time.Duration
	ExplicitMax time.Duration
	Period      time.Duration
	NumUses     int
	Type        string // default, service or batch
	StrictIP    bool   // of OpenBao: each token works for the client that logged in; here all clients are one
	OpenBao     bool

	old map[string]bool // the old names of parameters that were used
}

// NewRole returns a role without settings.
func (s *Store) NewRole() Role { return Role{OpenBao: s.openBao} }

// RoleFields returns the parameters of a Role and those of the method.
func (s *Store) RoleFields(method map[string]field.Kind) map[string]field.Kind {
	all := map[string]field.Kind{
		"token_policies": field.Strings, "token_no_default_policy": field.Bool, "token_ttl": field.Duration,
		"token_max_ttl": field.Duration, "token_explicit_max_ttl": field.Duration, "token_period": field.Duration,
		"token_num_uses": field.Int, "token_type": field.String, "token_bound_cidrs": field.Unsupported,
	}
	if s.openBao {
		all["token_strictly_bind_ip"] = field.Bool
	}
	maps.Copy(all, method)
	return all
}

// Set changes the role by the given parameters. After an error the role is not usable.
func (r *Role) Set(p endpoint.Params) error {
	for name, to := range map[string]*time.Duration{
		"token_ttl": &r.TTL, "token_max_ttl": &r.MaxTTL, "token_explicit_max_ttl": &r.ExplicitMax, "token_period": &r.Period,
	} {
		if p.Has(name) {
			*to = p.Duration(name)
		}
	}
	if p.Has("token_policies") {
		r.Policies = p.Strings("token_policies")
	}
	if p.Has("token_no_default_policy") {
		r.NoDefault = p.Bool("token_no_default_policy")
	}
	if p.Has("token_num_uses") {
		r.NumUses = p.Int("token_num_uses")
	}
	if r.OpenBao && p.Has("token_strictly_bind_ip") {
		r.StrictIP = p.Bool("token_strictly_bind_ip")
	}
	if p.Has("token_type") {
		r.Type = p.Text("token_type")
	}
	return r.check()
}

// SetOld honours the names that parameters had before they began with token_. A new name
// wins.
func (r *Role) SetOld(p endpoint.Params, names ...string) {
	r.old = maps.Clone(r.old)
	for _, name := range names {
		isOld, isNew := p.Has(name), p.Has("token_"+name)
		if isOld || isNew {
			r.markOld(name, isOld)
		}
		if isOld && !isNew {
			r.setOld(p, name)
		}
	}
}

// markOld notes whether a read shows the parameter under its old name, too.
func (r *Role) markOld(name string, shown bool) {
	if r.old == nil {
		r.old = map[string]bool{}
	}
	r.old[name] = shown
}

func (r *Role) setOld(p endpoint.Params, name string) {
	switch name {
	case "policies":
		r.Policies = p.Strings(name)
	case "num_uses":
		r.NumUses = p.Int(name)
	case "ttl":
		r.TTL = p.Duration(name)
	case "max_ttl":
		r.MaxTTL = p.Duration(name)
	case "period":
		r.Period = p.Duration(name)
	}
}

func (r *Role) check() error {
	switch r.Type {
	case "":
		r.Type = "default"
	case "default-service", "default-batch":
		r.Type = strings.TrimPrefix(r.Type, "default-")
	case "default", "service", "batch":
	default:
		return fmt.Errorf("invalid 'token_type' value %q", r.Type)
	}
	switch {
	case r.NumUses < 0:
		return errors.New("'token_num_uses' cannot be negative")
	case r.Type == "batch" && r.Period != 0:
		return errors.New("'token_type' cannot be 'batch' or 'default_batch' when set to generate periodic tokens")
	case r.Type == "batch" && r.NumUses != 0:
		return errors.New("'token_type' cannot be 'batch' or 'default_batch' when set to generate tokens with limited use count")
	case r.TTL > 0 && r.MaxTTL > 0 && r.TTL > r.MaxTTL:
		return errors.New("'token_ttl' cannot be greater than 'token_max_ttl'")
	}
	return nil
}

// Data returns the role's parameters as a read shows them.
func (r *Role) Data() map[string]any {
	names := r.Policies
	if names == nil {
		names = []string{}
	}
	data := map[string]any{
		"token_bound_cidrs": []string{}, "token_explicit_max_ttl": seconds(r.ExplicitMax), "token_max_ttl": seconds(r.MaxTTL),
		"token_no_default_policy": r.NoDefault, "token_period": seconds(r.Period), "token_policies": names,
		"token_type": r.Type, "token_ttl": seconds(r.TTL), "token_num_uses": r.NumUses,
	}
	if r.OpenBao {
		data["token_strictly_bind_ip"] = r.StrictIP
	}
	for name, shown := range r.old {
		if value := data["token_"+name]; shown && value != 0 && (name != "policies" || len(r.Policies) > 0) {
			data[name] = value
		}
	}
	return data
}

// MaxTTL returns the longest lifetime at a mount.
func MaxTTL(mount Limits) time.Duration { return firstOf(mount.Max, systemTTL) }

// Lifetime returns the lifetime of the role's tokens at a mount.
func (r *Role) Lifetime(mount Limits) Lifetime {
	return Lifetime{TTL: r.TTL, Max: r.MaxTTL, ExplicitMax: r.ExplicitMax, Period: r.Period, Mount: mount}
}

// Login fills in what the role says about the token of a login.
func (r *Role) Login(l Login, mount Limits) Login {
	l.Policies, l.NoDefault, l.NumUses, l.Batch = r.Policies, r.NoDefault, r.NumUses, r.Type == "batch"
	l.Lifetime = r.Lifetime(mount)
	return l
}

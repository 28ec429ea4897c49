package kubernetes

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/token"
)

// role is which service accounts may log in.
type role struct {
	token.Role
	name       string
	names      []string
	namespaces []string
	audience   string
	alias      string // what identifies the account
}

const (
	aliasUID  = "serviceaccount_uid"
	aliasName = "serviceaccount_name"
)

var roleFields = fields{
	"bound_service_account_names": field.Strings, "bound_service_account_namespaces": field.Strings, "audience": field.String,
	"alias_name_source": field.String, "bound_service_account_namespace_selector": field.Unsupported, "bound_cidrs": field.Unsupported,
	"policies": field.Strings, "ttl": field.Duration, "max_ttl": field.Duration, "period": field.Duration, "num_uses": field.Int,
}

func (r *role) set(p endpoint.Params) error {
	if err := r.Set(p); err != nil {
		return err
	}
	r.SetOld(p, "policies", "ttl", "max_ttl", "period", "num_uses")
	if p.Has("bound_service_account_names") {
		r.names = p.Strings("bound_service_account_names")
	}
	if p.Has("bound_service_account_namespaces") {
		r.namespaces = p.Strings("bound_service_account_namespaces")
	}
	if p.Has("audience") {
		r.audience = p.Text("audience")
	}
	if p.Has("alias_name_source") {
		r.alias = p.Text("alias_name_source")
	}
	if r.alias == "" {
		r.alias = aliasUID
	}
	return r.check()
}

func (r *role) check() error {
	switch {
	case r.MaxTTL > 0 && r.TTL > r.MaxTTL: // by their old names
		return errors.New("token ttl should not be greater than token max ttl")
	case len(r.names) == 0:
		return fmt.Errorf("%q can not be empty", "bound_service_account_names")
	case mixed(r.names), len(r.namespaces) > 0 && mixed(r.namespaces):
		return fmt.Errorf("can not mix %q with values", "*")
	case len(r.namespaces) == 0:
		return fmt.Errorf("%q can not be empty if %q is not set", "bound_service_account_namespaces", "bound_service_account_namespace_selector")
	case r.alias != aliasUID && r.alias != aliasName:
		return errors.New("invalid alias_name_source, must be one of: serviceaccount_uid, serviceaccount_name")
	}
	return nil
}

func mixed(list []string) bool { return len(list) > 1 && slices.Contains(list, "*") }

func (r *role) warnings(mount token.Limits) (warnings []string) {
	if r.MaxTTL > token.MaxTTL(mount) {
		warnings = append(warnings, "max_ttl is greater than the system or backend mount's maximum TTL value; "+
			"issued tokens' max TTL value will be truncated")
	}
	if strings.TrimSpace(r.audience) == "" && !r.OpenBao {
		warnings = append(warnings, fmt.Sprintf("Role %s does not have an audience configured. While audiences are not required, "+
			"consider specifying one if your use case would benefit from additional JWT claim verification.", r.name))
	}
	return warnings
}

func (r *role) data() map[string]any {
	data := r.Data()
	data["bound_service_account_names"], data["bound_service_account_namespaces"] = r.names, r.namespaces
	data["bound_service_account_namespace_selector"], data["alias_name_source"] = "", r.alias
	if r.audience != "" {
		data["audience"] = r.audience
	}
	return data
}

// allows returns why an account may not log in, or "".
func (r *role) allows(a Account) string {
	switch {
	case !anyMatches(r.names, a.Name):
		return "service account name not authorized"
	case !anyMatches(r.namespaces, a.Namespace):
		return "namespace not authorized"
	}
	return ""
}

func anyMatches(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return token.Glob(pattern, text) })
}

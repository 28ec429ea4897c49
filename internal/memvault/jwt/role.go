package jwt

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/token"
)

// role is who may log in by a JWT.
type role struct {
	token.Role
	name       string
	audiences  []string
	subject    string
	claims     map[string]any
	claimsType string // string or glob
	mappings   map[string]string
	userClaim  string
	leeways    map[string]time.Duration // by parameter
}

var leewayNames = []string{"expiration_leeway", "not_before_leeway", "clock_skew_leeway"}

var roleFields = fields{
	"role_type": field.String, "bound_audiences": field.Strings, "bound_subject": field.String, "bound_claims": field.Map,
	"bound_claims_type": field.String, "claim_mappings": field.Pairs, "user_claim": field.String,
	"expiration_leeway": field.SignedDuration, "not_before_leeway": field.SignedDuration, "clock_skew_leeway": field.SignedDuration,
	"policies": field.Strings, "ttl": field.Duration, "max_ttl": field.Duration, "period": field.Duration, "num_uses": field.Int,
	"bound_cidrs": field.Unsupported, "groups_claim": field.Unsupported, "user_claim_json_pointer": field.Unsupported,
	"allowed_redirect_uris": field.Unsupported, "oidc_scopes": field.Unsupported, "verbose_oidc_logging": field.Unsupported,
	"max_age": field.Unsupported,
}

// roleFields returns the parameters of a role.
func (m *Method) roleFields() fields {
	all := m.tokens.RoleFields(roleFields)
	if m.tokens.OpenBao() {
		for _, name := range []string{"callback_mode", "oauth2_metadata", "oidc_disable_confirmation", "token_policies_template_claims"} {
			all[name] = field.Unsupported
		}
	}
	return all
}

// set changes the role by the given parameters.
func (r *role) set(p endpoint.Params) error {
	kind := p.Text("role_type")
	if kind != "" && kind != "jwt" && kind != "oidc" {
		return fmt.Errorf("invalid 'role_type': %s", kind)
	}
	if err := r.Set(p); err != nil {
		return err
	}
	r.SetOld(p, "policies", "ttl", "max_ttl", "period", "num_uses")
	r.leeways = cloneLeeways(r.leeways)
	for _, name := range leewayNames {
		if p.Has(name) {
			r.leeways[name] = p.Duration(name)
		}
	}
	if err := r.setBounds(p); err != nil {
		return err
	}
	return r.check(kind)
}

func cloneLeeways(leeways map[string]time.Duration) map[string]time.Duration {
	clone := map[string]time.Duration{}
	for name, value := range leeways {
		clone[name] = value
	}
	return clone
}

func (r *role) setBounds(p endpoint.Params) error {
	if p.Has("bound_audiences") {
		r.audiences = p.Strings("bound_audiences")
	}
	if p.Has("bound_subject") {
		r.subject = p.Text("bound_subject")
	}
	r.claimsType = "string"
	if p.Has("bound_claims_type") {
		r.claimsType = p.Text("bound_claims_type")
	}
	if r.claimsType != "string" && r.claimsType != "glob" {
		return fmt.Errorf("invalid 'bound_claims_type': %s", r.claimsType)
	}
	if p.Has("bound_claims") {
		r.claims = p.Map("bound_claims")
		if err := checkPatterns(r.claims, r.claimsType == "glob"); err != nil {
			return err
		}
	}
	if p.Has("claim_mappings") {
		r.mappings = p.Pairs("claim_mappings")
	}
	if p.Has("user_claim") {
		r.userClaim = p.Text("user_claim")
	}
	return nil
}

func checkPatterns(claims map[string]any, globs bool) error {
	for _, values := range claims {
		list, ok := asList(values)
		if globs && !ok {
			return fmt.Errorf("claim is not a string or list: %v", values)
		}
		for _, one := range list {
			if _, ok := one.(string); globs && !ok {
				return fmt.Errorf("claim is not a string: %v", one)
			}
		}
	}
	return nil
}

func (r *role) check(kind string) error {
	seen := map[string]bool{}
	for _, target := range r.mappings {
		if target == "role" {
			return fmt.Errorf("metadata key %q is reserved and may not be a mapping destination", target)
		}
		if seen[target] {
			return fmt.Errorf("multiple keys are mapped to metadata key %q", target)
		}
		seen[target] = true
	}
	switch {
	case r.userClaim == "":
		return errors.New("a user claim must be defined on the role")
	case kind != "jwt":
		return fmt.Errorf("%s", redirects)
	case len(r.audiences) == 0 && r.subject == "" && len(r.claims) == 0:
		return errors.New("must have at least one bound constraint when creating/updating a role")
	case r.MaxTTL > 0 && r.TTL > r.MaxTTL: // by their old names
		return errors.New("ttl should not be greater than max ttl")
	case slices.ContainsFunc(pointers(r), func(name string) bool { return strings.HasPrefix(name, "/") }):
		return errPointer
	}
	return nil
}

const redirects = "'allowed_redirect_uris' must be set if 'role_type' is 'oidc' or unspecified."

// errPointer is about names of claims that Vault reads as JSON pointers.
var errPointer = errors.New("memvault does not support JSON pointers to claims; test this on a real Vault server")

func pointers(r *role) []string {
	var names []string
	for name := range r.claims {
		names = append(names, name)
	}
	for name := range r.mappings {
		names = append(names, name)
	}
	return names
}

func (r *role) data() map[string]any {
	data := r.Data()
	for _, name := range leewayNames {
		data[name] = int(r.leeways[name].Seconds())
	}
	for name, value := range map[string]any{
		"role_type": "jwt", "bound_audiences": r.audiences, "bound_subject": r.subject, "bound_claims_type": r.claimsType,
		"bound_claims": r.claims, "claim_mappings": r.mappings, "user_claim": r.userClaim, "user_claim_json_pointer": false,
		"groups_claim": "", "allowed_redirect_uris": nil, "oidc_scopes": nil, "verbose_oidc_logging": false, "max_age": 0,
	} {
		data[name] = value
	}
	if r.OpenBao {
		data["callback_mode"], data["oauth2_metadata"] = "client", nil
		data["oidc_disable_confirmation"], data["token_policies_template_claims"] = false, false
	}
	return data
}

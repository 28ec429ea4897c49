package setup

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/policy"
)

// Issuer signs the tokens with which jobs log in: GitHub, GitLab, or another one.
type Issuer struct {
	Path     string // of the auth mount
	PathFlag string // that names it
	URL      string
	CA       File   // that Vault trusts for the issuer; empty: the system's
	Keys     []File // public keys; empty: Vault asks the issuer for them
	Audience string
	Logins   []Login
}

// Login says which jobs have a role.
type Login struct {
	Role      policy.Role
	Claims    map[string][]string // each must have one of the values
	UserClaim string              // tells the jobs apart in Vault's audit log
	Identity  []string            // the claims that say whose jobs they are, the safest first; empty: all

	audience string // of the issuer
}

// issuer returns the auth mount, its config, and the roles.
func (s *Spec) issuer(i Issuer) []*object {
	all := []*object{authMount(i.Path, "jwt", i.PathFlag, "oidc"), s.issuerConfig(i)}
	for _, login := range i.Logins {
		all = append(all, s.jobRole(i, login))
	}
	return all
}

// refusedIssuer is the hint for a refused config: Vault asks the issuer for its keys at once.
const refusedIssuer = "check the issuer's URL, and whether Vault reaches it; if it cannot, give --issuer-key"

// refusedKeys is the hint for refused keys.
const refusedKeys = "check the files of --issuer-key"

func (i *Issuer) config() []field {
	fields := []field{{name: "bound_issuer", value: i.URL}}
	for _, key := range i.Keys {
		fields = append(fields, field{name: "jwt_validation_pubkeys", value: key.Content, file: key.Path, same: i.hasKeys})
	}
	if len(i.Keys) == 0 {
		fields = append(fields, field{name: "oidc_discovery_url", value: i.URL})
	}
	if i.CA.Path != "" {
		fields = append(fields, field{name: "oidc_discovery_ca_pem", value: i.CA.Content, file: i.CA.Path, same: i.CA.is})
	}
	return fields
}

// issuerConfig returns the config that says whose tokens Vault accepts.
func (s *Spec) issuerConfig(i Issuer) *object {
	o := &object{hint: refusedIssuer, fields: i.config(), inspect: i.inspect, replacing: replacing{
		allowed: s.ReplaceConfig, check: i.checkNoPeople,
		keeps: []string{"default_role", "jwt_supported_algs", "unsupported_critical_cert_extensions", "override_allowed_server_names",
			"oidc_response_mode", "oidc_response_types"},
		drops:  []string{"oidc_discovery_url", "jwt_validation_pubkeys", "jwks_url", "jwks_pairs", "jwks_ca_pem"},
		ignore: []string{"namespace_in_state", "status"},
	}}
	if len(i.Keys) > 0 {
		o.hint = refusedKeys
		o.replacing.drops = append(o.replacing.drops, "oidc_discovery_ca_pem")
	} else {
		o.replacing.keeps = append(o.replacing.keeps, "oidc_discovery_ca_pem")
	}
	return authConfig(i.Path, o)
}

// inspect refuses a config for another issuer, whose tokens could have the bound claims, too. It
// returns what else differs from the flags.
func (i *Issuer) inspect(current map[string]any) (string, error) {
	bound, discovery := asText(current["bound_issuer"]), asText(current["oidc_discovery_url"])
	if is := cmp.Or(bound, discovery); is != "" && is != i.URL {
		return "", i.isForOthers("is for the issuer " + terminal.Printable(is) + ", not " + i.URL)
	}
	switch {
	case len(i.Keys) > 0 && !i.hasKeys(current["jwt_validation_pubkeys"]):
		return "", i.isForOthers("has other keys of the issuer than the files of --issuer-key")
	case len(i.Keys) > 0 && bound == "":
		return "it does not check who issued a token", nil
	case len(i.Keys) > 0:
		return "", nil
	case discovery == i.URL && i.CA.Path != "" && !i.CA.is(current["oidc_discovery_ca_pem"]):
		return "", i.isForOthers("has another CA than " + i.CA.Path)
	case discovery == i.URL:
		return "", nil
	case bound == i.URL && i.isHost(asText(current["jwks_url"])):
		return "it gets the issuer's keys from " + asText(current["jwks_url"]), nil
	}
	return "", i.isForOthers("has keys that are not from " + i.URL + ", and whoever made them can sign any claims")
}

// isHost reports whether a URL is on the issuer's host.
func (i *Issuer) isHost(text string) bool {
	issuer, _ := url.Parse(i.URL)
	other, err := url.Parse(text)
	return err == nil && issuer != nil && other.Scheme == issuer.Scheme && other.Host == issuer.Host && other.Host != ""
}

func (i *Issuer) isForOthers(detail string) error {
	return &vaultkit.Error{Path: authPath(i.Path, "config"), Kind: vaultkit.ErrInvalid, Detail: "the auth mount " + i.Path + " " + detail,
		Hint: "name another path with " + i.PathFlag + "; if the config is wrong or old, give " + replaceConfigFlag}
}

// checkNoPeople refuses to write a config with which people log in: it has secrets that Vault does
// not show and would lose.
func (i *Issuer) checkNoPeople(current map[string]any) error {
	if asText(current["oidc_client_id"]) == "" && len(asMap(current["provider_config"])) == 0 {
		return nil
	}
	return &vaultkit.Error{Path: authPath(i.Path, "config"), Kind: vaultkit.ErrInvalid,
		Detail: "people log in with the auth mount " + i.Path + ", and Vault would lose what they need",
		Hint:   "name another path with " + i.PathFlag}
}

// hasKeys reports whether Vault has the keys of the flags and no others.
func (i *Issuer) hasKeys(current any) bool {
	trim := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	found, _ := texts(current)
	have := map[string]bool{}
	for _, one := range found {
		have[trim(one)] = true
	}
	for _, key := range i.Keys {
		if !have[trim(key.Content)] {
			return false
		}
	}
	return len(have) == len(i.Keys)
}

// JWTRole is the kind of the steps for roles of jobs.
const JWTRole = "JWT role"

// jobRole returns the role of jobs.
func (s *Spec) jobRole(i Issuer, login Login) *object {
	fields := append([]field{
		{name: "role_type", value: "jwt"},
		{name: "user_claim", value: login.UserClaim},
		{name: "user_claim_json_pointer", value: false},
		{name: "bound_audiences", value: []string{i.Audience}},
		{name: "bound_claims", value: claims(login.Claims)},
		{name: "bound_subject", value: ""},
		{name: "bound_claims_type", value: "string"},
		{name: "groups_claim", value: ""},
		{name: "expiration_leeway", value: 0},
		{name: "not_before_leeway", value: 0},
		{name: "clock_skew_leeway", value: 0},
	}, tokenFields(s.name(login.Role), jobMaxTTL)...)
	o := authRole(JWTRole, i.Path, s.name(login.Role), fields)
	login.audience = i.Audience
	o.replacing = replacing{allowed: s.ReplaceRole, flag: replaceRoleFlag, pathFlag: i.PathFlag, otherLogins: login.otherJobs}
	return o
}

// otherJobs says which jobs a role lets in, if they are not those of the login: who they are is in
// the first claim of Identity that the role is bound to, or else in all its claims.
func (l *Login) otherJobs(current map[string]any) string {
	if asText(current["role_type"]) == "oidc" {
		return "people, who log in with OIDC"
	}
	bound := shownClaims(asMap(current["bound_claims"]))
	if subject := asText(current["bound_subject"]); subject != "" {
		bound["sub"] = append(bound["sub"], subject)
	}
	audiences, _ := texts(current["bound_audiences"])
	switch {
	case len(bound) == 0 && hasOthers(audiences, []string{l.audience}):
		return "jobs with the audience " + strings.Join(audiences, ", ")
	case len(bound) == 0:
		return ""
	case len(l.Identity) > 0:
		return l.otherIdentity(bound)
	case !sameNames(bound, claims(l.Claims)) || l.acceptsOthers(bound):
		return "jobs with the claims " + showClaims(bound)
	}
	return ""
}

// otherIdentity is otherJobs for claims of which the first one decides.
func (l *Login) otherIdentity(bound claims) string {
	for _, name := range l.Identity {
		switch values, ok := bound[name]; {
		case !ok || slices.Contains(values, "*"):
		case hasOthers(values, l.Claims[name]):
			maps.DeleteFunc(bound, func(name string, _ []string) bool { return !slices.Contains(l.Identity, name) })
			return "jobs with the claims " + showClaims(bound)
		default:
			return ""
		}
	}
	for name := range bound {
		if l.Claims[name] == nil && !slices.Contains(l.Identity, name) {
			return "jobs with the claims " + showClaims(bound)
		}
	}
	return ""
}

// acceptsOthers reports whether a role with these claims accepts a value that it should not accept.
func (l *Login) acceptsOthers(bound claims) bool {
	for name, values := range bound {
		if hasOthers(values, l.Claims[name]) {
			return true
		}
	}
	return false
}

// sameNames reports whether both have claims of the same names.
func sameNames(a, b claims) bool {
	return slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
}

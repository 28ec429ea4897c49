package setup

import (
	"fmt"
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
}

// issuer returns the auth mount, its config, and the roles.
func (s *Spec) issuer(i Issuer) []*object {
	all := []*object{authMount(i.Path, "jwt", i.PathFlag, "oidc"), authConfig(i.Path, refusedIssuer, i.config(), i.inspect)}
	for _, login := range i.Logins {
		all = append(all, s.jobRole(i, login))
	}
	return all
}

// refusedIssuer is the hint for a refused config: Vault asks the issuer for its keys at once.
const refusedIssuer = "check the issuer's URL, and whether Vault reaches it; if it cannot, give --issuer-key"

func (i *Issuer) config() []field {
	fields := []field{{name: "bound_issuer", value: i.URL}}
	for _, key := range i.Keys {
		fields = append(fields, field{name: "jwt_validation_pubkeys", value: key.Content, file: key.Path})
	}
	if len(i.Keys) == 0 {
		fields = append(fields, field{name: "oidc_discovery_url", value: i.URL})
	}
	if i.CA.Path != "" {
		fields = append(fields, field{name: "oidc_discovery_ca_pem", value: i.CA.Content, file: i.CA.Path})
	}
	return fields
}

// inspect refuses a config for another issuer: its tokens could have the bound claims, too.
func (i *Issuer) inspect(current map[string]any) (string, error) {
	bound, discovery := asText(current["bound_issuer"]), asText(current["oidc_discovery_url"])
	switch {
	case bound == i.URL, bound == "" && discovery == i.URL:
	case bound == "" && discovery == "":
		return "it does not check who issued a token", nil
	default:
		if bound == "" {
			bound = discovery
		}
		return "", &vaultkit.Error{Path: authPath(i.Path, "config"), Kind: vaultkit.ErrInvalid,
			Detail: fmt.Sprintf("the auth mount %s is for the issuer %s, not %s", i.Path, terminal.Printable(bound), i.URL),
			Hint:   "name another path with " + i.PathFlag}
	}
	found, _ := texts(current["jwt_validation_pubkeys"])
	switch {
	case len(i.Keys) > 0 && !sameKeys(found, i.Keys):
		return "it has other keys", nil
	case len(i.Keys) == 0 && discovery != i.URL: // who has those keys can sign any claims
		return "it does not ask the issuer for its keys, but has others; check them, or give --issuer-key", nil
	}
	return "", nil
}

func sameKeys(found []string, keys []File) bool {
	trim := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	have := map[string]bool{}
	for _, one := range found {
		have[trim(one)] = true
	}
	for _, key := range keys {
		if !have[trim(key.Content)] {
			return false
		}
	}
	return len(have) == len(keys)
}

// JWTRole is the kind of the steps for roles of jobs.
const JWTRole = "JWT role"

// jobRole returns the role of jobs.
func (s *Spec) jobRole(i Issuer, login Login) *object {
	fields := append([]field{
		{name: "role_type", value: "jwt"},
		{name: "user_claim", value: login.UserClaim},
		{name: "bound_audiences", value: []string{i.Audience}},
		{name: "bound_claims", value: claims(login.Claims)},
		{name: "bound_claims_type", value: "string"},
		{name: "groups_claim", value: ""},
		{name: "expiration_leeway", value: 0},
		{name: "not_before_leeway", value: 0},
		{name: "clock_skew_leeway", value: 0},
	}, tokenFields(s.name(login.Role), jobMaxTTL)...)
	return authRole(JWTRole, i.Path, s.name(login.Role), fields)
}

package setup

import (
	"time"

	"goblin/vaultkit/policy"
)

// The lifetimes of tokens. A client renews its token up to the maximum, and then logs in again.
const (
	tokenTTL   = 10 * time.Minute
	jobMaxTTL  = 20 * time.Minute
	serviceTTL = 24 * time.Hour
)

// isService reports whether a role is for services, which run for long. The others are for jobs.
func isService(role policy.Role) bool { return role == policy.Reader }

// tokenFields returns the fields of a role that are about its tokens: nothing but the policy, and
// not for long. They include what would lift these limits.
func tokenFields(policyName string, longest time.Duration) []field {
	return []field{
		{name: "token_policies", value: []string{policyName}},
		{name: "token_no_default_policy", value: true},
		{name: "token_type", value: "service"},
		{name: "token_ttl", value: tokenTTL},
		{name: "token_max_ttl", value: longest},
		{name: "token_explicit_max_ttl", value: time.Duration(0)},
		{name: "token_period", value: time.Duration(0)},
		{name: "token_num_uses", value: 0},
	}
}

// lifetime returns how long the tokens of a role can be renewed, for a login that can be repeated.
func lifetime(role policy.Role) time.Duration {
	if isService(role) {
		return serviceTTL
	}
	return jobMaxTTL
}

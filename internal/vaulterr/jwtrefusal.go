package vaulterr

import (
	"errors"
	"regexp"
	"strings"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/errtext"
)

// JWTReason says why Vault's JWT method refused a login.
type JWTReason int

// The reasons, in the order in which Vault checks them.
const (
	JWTUnknown      JWTReason = iota // not a refusal of the method, or one with another text
	JWTNoConfig                      // the auth mount has no configuration
	JWTNoRole                        // there is no such role, or no default role
	JWTNotForJobs                    // the role is for people with a browser
	JWTNoKeys                        // Vault cannot get the issuer's keys
	JWTNotOne                        // the credential is not a JWT
	JWTSignature                     // none of the keys verifies the JWT
	JWTWrongIssuer                   // the auth mount is bound to another one
	JWTWrongSubject                  // the role is bound to another one
	JWTWrongAudience
	JWTExpired
	JWTNotYetValid
	JWTNoTimes    // it has none of the claims iat, nbf and exp
	JWTWrongClaim // a claim is missing, or the role is bound to another value
)

const clocks = "the JWT is not valid yet: compare the clocks of Vault and of the JWT's issuer"

// jwtRefusals holds texts with which Vault's JWT auth method refuses a login, and what to do. All
// of them have the status 400.
var jwtRefusals = []struct {
	text   string
	reason JWTReason
	hint   string
}{
	{"could not load configuration", JWTNoConfig, "the auth mount has no configuration: set where it finds the keys of the JWT's issuer"},
	{"missing role", JWTNoRole, "name the role: the auth mount has no default_role"},
	{"could not be found", JWTNoRole, "check the names of the role and of the auth mount"},
	{"oidc role_type is not allowed", JWTNotForJobs, "the role is for people who log in with a browser: create one with role_type=jwt"},
	{"keyset configuration error", JWTNoKeys, "Vault cannot reach the issuer of the JWT, which the auth mount's oidc_discovery_url names"},
	{"fetching keys", JWTNoKeys, "Vault cannot get the keys of the JWT's issuer: check that it can reach the issuer"},
	{"malformed jwt", JWTNotOne, "the credential is not a JWT: check where it comes from"},
	{"JWS format must have three parts", JWTNotOne, "the credential is not a JWT: check where it comes from"},
	{"failed to verify", JWTSignature, "another issuer signed the JWT, or the issuer no longer uses that key: check the auth mount's name and get a new JWT"},
	{"no known key successfully validated", JWTSignature, "another issuer signed the JWT, or the auth mount does not hold the issuer's present key"},
	{"error verifying token signature", JWTSignature, "the JWT cannot be verified: check where the JWT comes from"},
	{"invalid issuer (iss)", JWTWrongIssuer, "the JWT is from another issuer than the auth mount's bound_issuer: check the auth mount's name"},
	{"invalid subject (sub)", JWTWrongSubject, "the role is for another job: compare the role's bound_subject with the JWT's claim sub"},
	{"does not match any expected audience", JWTWrongAudience,
		"the JWT is for another audience: set VAULTKIT_JWT_AUDIENCE, or aud in the id_tokens of GitLab's job, to one of the role's bound_audiences"},
	{"no audiences bound to the role", JWTWrongAudience,
		"the JWT has an audience: set the role's bound_audiences to it (VAULTKIT_JWT_AUDIENCE, or aud in the id_tokens of GitLab's job)"},
	{"token is expired", JWTExpired, "the JWT has expired: each login needs one that is still valid"},
	{"no issued at (iat)", JWTNoTimes,
		"the JWT lacks the claims iat, nbf and exp: its issuer must write at least one, and should write iat and exp"},
	{"token not yet valid", JWTNotYetValid, clocks},
	{"token issued in the future", JWTNotYetValid, clocks},
	{"error validating claims", JWTWrongClaim, "the role is for other JWTs: compare the role's bound_claims with what the JWT says of the job, such as its repository, branch and environment"},
	{"not found in token", JWTWrongClaim, "the JWT lacks the claim that the role's user_claim names"},
}

// WhyJWT returns why Vault refused a login with a JWT, and what to do. The hint is empty if
// Vault's text does not tell.
func WhyJWT(err error) (reason JWTReason, hint string) {
	response, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		return JWTUnknown, ""
	}
	for _, one := range jwtRefusals {
		if errtext.ContainsText(response, one.text) {
			return one.reason, one.hint
		}
	}
	return JWTUnknown, ""
}

// claimName matches the name of a claim in a text of the method.
var claimName = regexp.MustCompile(`claim "([^"]+)"`)

// RefusedClaim returns the claim that Vault names in its refusal of a JWT, or "".
func RefusedClaim(err error) string {
	response, ok := errors.AsType[*api.ResponseError](err)
	if !ok || response.RawError {
		return ""
	}
	if found := claimName.FindStringSubmatch(strings.Join(response.Errors, "\n")); found != nil {
		return found[1]
	}
	return ""
}

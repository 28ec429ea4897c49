package vaulterr

import (
	"errors"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/errtext"
)

const textJWTExpired = "token is expired"

// jwtRefusals holds texts with which Vault's JWT auth method refuses a login, and what to do. All
// of them have the status 400.
var jwtRefusals = []struct{ text, hint string }{
	{"could not load configuration", "the auth mount has no configuration: set where it finds the keys of the JWT's issuer"},
	{"missing role", "name the role: the auth mount has no default_role"},
	{"could not be found", "check the names of the role and of the auth mount"},
	{"oidc role_type is not allowed", "the role is for people who log in with a browser: create one with role_type=jwt"},
	{"keyset configuration error", "Vault cannot reach the issuer of the JWT, which the auth mount's oidc_discovery_url names"},
	{"fetching keys", "Vault cannot get the keys of the JWT's issuer: check that it can reach the issuer"},
	{"malformed jwt", "the credential is not a JWT: check where it comes from"},
	{"JWS format must have three parts", "the credential is not a JWT: check where it comes from"},
	{"failed to verify", "another issuer signed the JWT, or the issuer no longer uses that key: check the auth mount's name and get a new JWT"},
	{"no known key successfully validated", "another issuer signed the JWT, or the auth mount does not hold the issuer's present key"},
	{"error verifying token signature", "the JWT cannot be verified: check where the JWT comes from"},
	{"invalid issuer (iss)", "the JWT is from another issuer than the auth mount's bound_issuer: check the auth mount's name"},
	{"invalid subject (sub)", "the role is for another job: compare the role's bound_subject with the JWT's claim sub"},
	{"does not match any expected audience", "the audience that the JWT was requested for must be one of the role's bound_audiences"},
	{"no audiences bound to the role", "the JWT has an audience: set the role's bound_audiences to it"},
	{textJWTExpired, "the JWT has expired: each login needs one that is still valid"},
	{"token not yet valid", "the JWT is not valid yet: compare the clocks of Vault and of the JWT's issuer"},
	{"token issued in the future", "the JWT is not valid yet: compare the clocks of Vault and of the JWT's issuer"},
	{"error validating claims", "the role is for other JWTs: compare the role's bound_claims with what the JWT says of the job, such as its repository, branch and environment"},
	{"not found in token", "the JWT lacks the claim that the role's user_claim names"},
}

// JWTHint returns what to do about a refused login with a JWT, or "" if Vault's text does not
// tell.
func JWTHint(err error) string {
	response, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		return ""
	}
	for _, one := range jwtRefusals {
		if errtext.ContainsText(response, one.text) {
			return one.hint
		}
	}
	return ""
}

// JWTExpired reports whether Vault refused a login because the JWT has expired.
func JWTExpired(err error) bool {
	response, ok := errors.AsType[*api.ResponseError](err)
	return ok && errtext.ContainsText(response, textJWTExpired)
}

package checks

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// jobClaims returns the claims of a JWT login's JWT, or nil. A pod's JWT does not count.
func (x *exam) jobClaims() *session.Claims {
	if x.login.Kind != session.KindJWT {
		return nil
	}
	return x.login.JWT
}

// describeLogin describes the login and, for a JWT, whom it is for and when it ends.
func (x *exam) describeLogin() string {
	claims := x.jobClaims()
	if claims == nil {
		return x.Login.String()
	}
	about := "; its audience is " + strings.Join(claims.Audiences, " and ")
	if len(claims.Audiences) == 0 {
		about = "; it has no audience"
	}
	if !claims.Ends.IsZero() {
		about += ", and it ends in " + time.Until(claims.Ends).Round(time.Second).String()
	}
	return vaulterr.Printable(x.Login.String() + about)
}

// endedJWT returns a warning if the login's JWT has ended. It is no failure: Vault's role may
// accept it for longer, and the clock of this machine may be wrong.
func (x *exam) endedJWT() (found Finding, ended bool) {
	claims := x.jobClaims()
	if claims == nil || claims.Ends.IsZero() || time.Until(claims.Ends) > 0 {
		return Finding{}, false
	}
	return warning(x.Login.String()+"; "+endOf(claims)+": a platform gives a JWT for minutes, so get another one", x.endedFix()), true
}

func endOf(claims *session.Claims) string {
	return fmt.Sprintf("the JWT ended at %s, %s ago", claims.Ends.UTC().Format(time.RFC3339), time.Since(claims.Ends).Round(time.Second))
}

// endedFix shows when the JWT was written, or else whether the clock is right.
func (x *exam) endedFix() Fix {
	if x.login.File != "" {
		return x.listCredential()
	}
	return clockFix()
}

// missingJWT returns the fix for a JWT that cannot be read, from a variable or from GitHub.
func (x *exam) missingJWT(err error) Fix {
	if x.login.GitHub && errors.Is(vaulterr.Kind(err), vaulterr.ErrUnauthenticated) {
		return AskGitHub.fix(`curl -sSv --max-time 5 -o /dev/null "$ACTIONS_ID_TOKEN_REQUEST_URL"`)
	}
	return ReadPipeline.fix("grep -rnE 'id-token|id_tokens' .github/workflows .gitlab-ci.yml")
}

// aboutConfig are the reasons that the configuration of the auth mount explains.
var aboutConfig = []vaulterr.JWTReason{vaulterr.JWTNoKeys, vaulterr.JWTSignature, vaulterr.JWTWrongIssuer}

// jwtFix returns the fix for a refused login with a JWT.
func (x *exam) jwtFix(err error) Fix {
	answer, fromVault := errors.AsType[*api.ResponseError](err)
	reason, _ := vaulterr.WhyJWT(err)
	switch {
	case !fromVault:
		return x.missingJWT(err)
	case answer.StatusCode == http.StatusForbidden:
		return listLogins() // Vault's response for a mount that does not exist
	case reason == vaulterr.JWTNoConfig:
		return x.loginRoleFix(x.readLoginConfig())
	case x.login.JWT != nil && x.login.JWT.LackedTime(reason) != "":
		return x.readLoginRole() // its leeways make up for missing claims
	case reason == vaulterr.JWTExpired, reason == vaulterr.JWTNotYetValid:
		return x.endedFix()
	case slices.Contains(aboutConfig, reason):
		return x.readLoginConfig()
	case reason == vaulterr.JWTNoRole || x.login.Role == "":
		return x.loginRoleFix(ListLoginRoles.fix(fmt.Sprintf("vault list auth/%s/role", x.login.Mount)))
	}
	return x.readLoginRole()
}

// explainJWT says what the JWT has where Vault wants something else. Vault says only which claim
// it is.
func (x *exam) explainJWT(err error) string {
	claims := x.login.JWT
	if claims == nil {
		return ""
	}
	text := ""
	switch reason, _ := vaulterr.WhyJWT(err); reason {
	case vaulterr.JWTNoKeys, vaulterr.JWTSignature, vaulterr.JWTWrongIssuer:
		text = fmt.Sprintf("; the JWT's issuer is %q", claims.Issuer)
	case vaulterr.JWTWrongSubject:
		text = fmt.Sprintf("; the JWT's subject is %q", claims.Subject)
	case vaulterr.JWTWrongAudience:
		text = fmt.Sprintf("; the JWT's audience is %q", claims.Audiences)
	case vaulterr.JWTWrongClaim:
		claim := vaulterr.RefusedClaim(err)
		text = fmt.Sprintf("; the JWT's claim %q is %q", claim, claims.Text(claim))
	case vaulterr.JWTExpired:
		if !claims.Ends.IsZero() {
			text = "; " + endOf(claims)
		}
	}
	return vaulterr.Printable(text)
}

func listLogins() Fix { return ListLogins.fix("vault auth list") }

func (x *exam) readLoginRole() Fix {
	return ReadLoginRole.fix(fmt.Sprintf("vault read auth/%s/role/%s", x.login.Mount, quote(x.login.Role)))
}

func (x *exam) readLoginConfig() Fix {
	return ReadLoginConfig.fix(fmt.Sprintf("vault read auth/%s/config", x.login.Mount))
}

func (x *exam) listCredential() Fix { return ListCredential.fix("ls -l " + quote(x.login.File)) }

// proxyFix looks for the process that should add a token to each request, and for its settings.
func proxyFix() Fix {
	return FindProxy.fix("ps -eo pid,args | grep -E '([v]ault|[b]ao) (agent|proxy)'")
}

package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// logIn logs in as a client does. It uses up a wrapping token only if Unwrap allows that.
func (x *exam) logIn(ctx context.Context) Finding {
	if x.login.Wrapped && !x.Unwrap {
		return x.checkWrapped(ctx)
	}
	var err error
	x.session, err = session.Open(ctx, session.Config{
		Client: x.client, Login: x.Login, Logger: x.Logger, RequestTimeout: x.Timeout, StartWait: x.Timeout, Backoff: x.Backoff,
	})
	if err != nil {
		fix := x.loginFix(err)
		if isUsedWrapping(err) {
			return failed(err, usedWrapping, fix)
		}
		return failed(err, errorText(err)+" ("+x.Login.String()+")"+x.explainGuess(fix)+x.explainJWT(err), fix)
	}
	x.store = kv.New(x.session, x.Mount, x.Base, x.Backoff)
	return okay("logged in by " + x.Login.String())
}

// checkWrapped checks a wrapping token without unwrapping it.
func (x *exam) checkWrapped(ctx context.Context) Finding {
	if err := session.CheckWrapped(ctx, x.client, x.Login, x.Timeout); err != nil {
		fix := x.loginFix(err)
		if isUsedWrapping(err) {
			return failed(err, usedWrapping, fix)
		}
		return failed(err, errorText(err)+x.explainGuess(fix), fix)
	}
	x.unusable["login"] = "logging in would use up the wrapping token"
	return skipped("the wrapping token is good; a login uses it up, so doctor leaves it to the program that it is for "+
		"(--unwrap logs in with it: the program then needs another one)", noFix)
}

const usedWrapping = "the wrapping token was used before or has expired; if nobody in your team used it, treat the secret id as stolen"

// isUsedWrapping reports whether Vault does not know the wrapping token. Other errors about a wrapping
// token say what is wrong with it.
func isUsedWrapping(err error) bool {
	own, ok := errors.AsType[*vaulterr.Error](err)
	return ok && errors.Is(own.Kind, vaulterr.ErrWrappingToken) && own.Detail == "" && own.Hint == ""
}

func (x *exam) loginFix(err error) Fix {
	switch {
	case vaulterr.NamespaceNotFound(err):
		return x.namespaceFix()
	case errors.Is(err, vaulterr.ErrWrappingToken):
		return x.credentialsFix()
	case errors.Is(err, vaulterr.ErrUnavailable):
		return x.healthFix()
	}
	switch x.login.Kind {
	case session.KindToken:
		return x.tokenFix()
	case session.KindAppRole:
		return x.credentialsFix()
	case session.KindJWT:
		return x.jwtFix(err)
	case session.KindAuthMethod: // only the program knows more about it
		return listLogins()
	case session.KindProxy:
		return proxyFix()
	}
	return x.kubernetesFix(err)
}

// tokenFix replaces a token that Vault refused.
func (x *exam) tokenFix() Fix {
	if x.login.Helper || strings.HasSuffix(x.login.File, "/.vault-token") {
		return VaultLogin.fix("vault login")
	}
	return NewToken.fix(x.newToken(x.policies))
}

// tokenFacts is what Vault reports about a token.
type tokenFacts struct {
	TTL          int64             `json:"ttl"` // in seconds, like the other times; 0: it does not end
	CreationTTL  int64             `json:"creation_ttl"`
	CreationTime int64             `json:"creation_time"`
	ExplicitMax  int64             `json:"explicit_max_ttl"`
	Period       int64             `json:"period"`
	NumUses      int               `json:"num_uses"`
	Renewable    bool              `json:"renewable"`
	Orphan       bool              `json:"orphan"`
	Type         string            `json:"type"`
	Policies     []string          `json:"policies"`
	Identity     []string          `json:"identity_policies"`
	Meta         map[string]string `json:"meta"`
	Path         string            `json:"path"` // of the request that made the token
}

// token checks how long the token lives and which policies it has.
func (x *exam) token(ctx context.Context) Finding {
	facts, err := x.lookUp(ctx)
	kind := vaulterr.Kind(err)
	unknown := errors.Is(kind, vaulterr.ErrUnauthenticated)
	switch {
	case unknown && x.store.CheckMount(ctx) != nil:
		fix := x.loginFix(err)
		return failed(err, "the token has ended, or has no right on the mount and may not look itself up: this server reports both alike"+x.explainGuess(fix), fix)
	case unknown, errors.Is(kind, vaulterr.ErrPermissionDenied):
		return warning("the token may not look itself up, so its end is unknown and it is not renewed; the policy of its role has that right",
			x.policyFix(x.firstRole()))
	case err != nil:
		return failed(err, "", x.healthFix())
	}
	x.facts, x.policies = &facts, slices.Concat(facts.Policies, facts.Identity)
	about := facts.String()
	bare := x.login.Kind == session.KindToken
	switch {
	case slices.Contains(x.policies, "root"):
		return warning("this is a root token, which may do everything: a service must not have it", x.rootFix())
	case facts.NumUses > 0:
		x.unusable[unlimitedUses] = "each look would use up the token"
		return warning(fmt.Sprintf("the token has %d uses left; %s", facts.NumUses, about), x.unlimitUses())
	case bare && facts.nearsExpiry():
		return warning("the token ends soon; "+about, NewToken.fix(x.newToken(x.policies)))
	}
	return okay(about)
}

func (x *exam) lookUp(ctx context.Context) (facts tokenFacts, err error) {
	var answer *api.Secret
	err = x.session.Do(ctx, func(ctx context.Context, c *api.Client) (err error) {
		answer, err = c.Auth().Token().LookupSelfWithContext(ctx)
		return err
	})
	if err != nil {
		return facts, err
	}
	var text []byte
	if answer != nil {
		text, err = json.Marshal(answer.Data)
	}
	if err != nil || json.Unmarshal(text, &facts) != nil || facts.Type == "" {
		// The error leaves out the cause, which may contain a value.
		return facts, &vaulterr.Error{Kind: vaulterr.ErrUnavailable, Detail: "the description of the token is not from Vault"}
	}
	return facts, nil
}

// String describes the token's life and its policies. It contains no secret.
func (f tokenFacts) String() string {
	kind := "a " + f.Type + " token"
	life := ", without an end"
	if f.TTL > 0 {
		life = ", ends in " + seconds(f.TTL).String()
	}
	switch {
	case f.Renewable && f.Period > 0:
		life += fmt.Sprintf(", renewable for %s at a time", seconds(f.Period))
	case f.Renewable && f.ExplicitMax > 0:
		life += fmt.Sprintf(", renewable up to %s in all", seconds(f.ExplicitMax))
	case f.Renewable:
		life += ", renewable"
	case f.TTL > 0:
		life += ", not renewable"
	}
	if !f.Orphan && f.Type == "service" {
		life += ", ends with its parent"
	}
	return kind + life + "; policies " + strings.Join(slices.Concat(f.Policies, f.Identity), ", ")
}

// nearsExpiry reports whether less than a tenth or less than a minute of the token's life is
// left, and it cannot be renewed.
func (f tokenFacts) nearsExpiry() bool {
	left, life := seconds(f.TTL), seconds(f.CreationTTL)
	if f.Renewable {
		left = time.Until(time.Unix(f.CreationTime+f.ExplicitMax, 0))
		life = seconds(f.ExplicitMax)
	}
	return life > 0 && left < max(time.Minute, life/10)
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

func (x *exam) rootFix() Fix {
	if x.login.Kind != session.KindToken {
		return proxyFix() // no auth method gives a root token
	}
	role := x.firstRole()
	return ReplaceRoot.fix(x.writePolicy(role) + " && " + x.newToken([]string{x.policyName(role)}))
}

// unlimitUses makes the login's role issue tokens with unlimited uses.
func (x *exam) unlimitUses() Fix {
	if role := x.loginRole(); role != "" {
		return UnlimitedUses.fix(x.writeRole(role, "token_num_uses=0"))
	}
	if x.login.Kind != session.KindToken {
		return listLogins()
	}
	return NewToken.fix(x.newToken(x.policies))
}

// loginPath matches the path of the logins whose tokens name a role, and finds the mount.
var loginPath = regexp.MustCompile(`^(auth/.+)/login$`)

// loginRole returns the path of the role that the token comes from, or "". Its token names it. An
// AppRole can be recognized whoever logged in: vaultkit, an auth method of the program or a proxy.
func (x *exam) loginRole() string {
	if x.facts == nil || x.login.Kind == session.KindToken {
		return ""
	}
	mount, role := loginPath.FindStringSubmatch(x.facts.Path), x.facts.Meta["role_name"]
	if x.login.Kind == session.KindKubernetes || x.login.Kind == session.KindJWT {
		role = x.facts.Meta["role"]
	}
	if mount == nil || role == "" {
		return ""
	}
	return mount[1] + "/role/" + role
}

// writeRole returns the command that changes one setting of the login's role. A write to a role
// of the JWT method resets two settings that it does not name: the type of the role and that of its
// claims.
func (x *exam) writeRole(role, setting string) string {
	line := "vault write " + quote(role)
	if x.login.Kind == session.KindJWT {
		line += fmt.Sprintf(` role_type=jwt bound_claims_type="$(vault read -field=bound_claims_type %s)"`, quote(role))
	}
	return line + " " + setting
}

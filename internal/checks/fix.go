package checks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"goblin/vaultkit/internal/rights"
	"goblin/vaultkit/internal/session"
)

// command returns a vaultkit command line for the same Vault. flags (name, value, name, …)
// replace those of the same name.
func (x *exam) command(verb string, flags ...string) string {
	line := "vaultkit " + verb + x.Flags
	for i, word := range flags {
		if i%2 == 0 {
			line = givenFlag(word).ReplaceAllLiteralString(line, "")
		}
		line += " " + quote(word)
	}
	return line
}

// givenFlag matches a flag in Flags, with its quoted value and the space before it.
func givenFlag(flag string) *regexp.Regexp {
	return regexp.MustCompile(" " + flag + ` ('([^']|'\\'')*'|\S+)`)
}

// printPolicy returns the command that prints a role's policy, for the providers of
// policyProviders. It needs no login.
func (x *exam) printPolicy(role string) string {
	words := append([]string{"vaultkit", "policy", role}, x.providerFlags()...)
	return quotes(words) + x.place() // explicit even for the defaults if the environment has other values
}

// writePolicy returns the command that writes a role's policy. It needs an administrator's
// token.
func (x *exam) writePolicy(role string) string {
	if x.policyName(role) == x.policyScope().Name(role) {
		return x.setupPolicy(role)
	}
	return fmt.Sprintf("%s | vault policy write %s -", x.printPolicy(role), quote(x.policyName(role)))
}

// policyFix prints the policy that a role needs. It is for tokens whose policies are unknown.
func (x *exam) policyFix(role string) Fix { return ReadPolicy.fix(x.printPolicy(role)) }

// policyProviders returns the providers that a policy is written for; nil: all of them. If two
// policies match a path, Vault uses only the more specific one, so a policy for one provider
// would hide the rights of a general one.
func (x *exam) policyProviders() []string {
	if x.hasGeneral {
		return nil
	}
	return x.Providers
}

// grantFix writes a role's policy and attaches it to the token's login, if it is not attached
// yet.
func (x *exam) grantFix(role string) Fix {
	if slices.Contains(x.policies, x.policyName(role)) {
		return WritePolicy.fix(x.writePolicy(role))
	}
	if restore := x.restoreAppRole(role); restore != "" {
		return AttachPolicy.fix(restore)
	}
	if other := x.otherRoleFix(role); other != noFix {
		return other
	}
	kind, give := x.attachPolicy(x.policyName(role))
	if give == "" {
		return x.policyFix(role)
	}
	return kind.fix(x.writePolicy(role) + " && " + give)
}

// attachPolicy attaches a policy to the role that the token comes from, or to a new token. It
// returns "" if the present policies are unknown.
func (x *exam) attachPolicy(policy string) (kind Kind, command string) {
	switch role := x.loginRole(); {
	case x.facts == nil:
		return "", ""
	case role != "":
		return AttachPolicy, x.writeRole(role, "token_policies="+quote(strings.Join(append(slices.Clone(x.facts.Policies), policy), ",")))
	case x.login.Kind == session.KindToken:
		return TokenWithPolicy, x.newToken(append(slices.Clone(x.policies), policy))
	}
	return "", ""
}

// queryFix lets the token query its capabilities. The token's other rights are unknown, so it
// writes no role's policy, which might hide some of them.
func (x *exam) queryFix() Fix {
	if _, made := x.setupRole(); made != "" || slices.Contains(x.policies, "default") {
		return x.policiesFix() // setup's roles do not have the policy default
	}
	if _, give := x.attachPolicy("default"); give != "" {
		return AllowAsking.fix(give)
	}
	return x.policyFix(x.firstRole())
}

// place returns the mount and the base path as flags, if the flags of the fixes name them.
func (x *exam) place() (args string) {
	for _, one := range [][2]string{{" --mount ", x.Mount}, {" --base ", x.Base}} {
		if strings.Contains(x.PlaceFlags+x.Flags, one[0]) {
			args += one[0] + quote(one[1])
		}
	}
	return args
}

// policyName returns the name under which vaultkit setup stores the role's policy, or the role's
// own name if the token has a policy of that name. Other services may have that policy, too. So a
// policy for some providers, or for another mount or base path, gets another name.
func (x *exam) policyName(role string) string {
	name := x.policyScope().Name(role)
	general := name == rights.Scope{}.Name(role)
	if general && slices.Contains(x.policies, role) && !slices.Contains(x.policies, name) {
		return role
	}
	return name
}

// policyScope returns what a policy is written for. An empty mount or base path is the default.
func (x *exam) policyScope() rights.Scope {
	scope := rights.Scope{Providers: x.policyProviders()}
	if strings.Contains(x.PlaceFlags, " --mount ") {
		scope.Mount = x.Mount
	}
	if strings.Contains(x.PlaceFlags, " --base ") {
		scope.Base = x.Base
	}
	return scope
}

// describeFix says what else the fix of a role's missing rights changes, if anything.
func (x *exam) describeFix(fix Fix, role string) string {
	switch fix.Kind {
	case AskForRole:
		return x.explainOtherRole(role)
	case AttachPolicy:
		return "; the fix gives the policy to the login's role, whose services have it when they log in again"
	case TokenWithPolicy:
		return "; the fix makes a new token that has the policy"
	case ReadPolicy:
		return "; attach that policy to the token's role"
	}
	return ""
}

// newToken returns the command that creates a token with these policies. The roles' policies do
// not need Vault's default policy; others may.
func (x *exam) newToken(policies []string) string {
	line := "vault token create -orphan"
	if !slices.Contains(policies, "default") || len(policies) == 1 {
		line += " -no-default-policy"
	}
	only := slices.DeleteFunc(slices.Clone(policies), func(name string) bool { return name == "root" || name == "default" })
	if len(only) == 0 {
		only = []string{x.generalName()}
	}
	line += " -period=24h"
	for _, name := range only {
		line += " -policy=" + quote(name)
	}
	return x.storeField("token", line)
}

// explainGuess says which part of a fix is a guess.
func (x *exam) explainGuess(fix Fix) string {
	switch {
	case fix.Kind == NewCredentials:
		return fmt.Sprintf("; the fix makes the AppRole %s and prints what logs in as it; for an AppRole of yours, run: %s",
			x.generalName(), x.secretIDCommand())
	case fix.Kind == PlanCredentials:
		return "; replace ROLE by the role that the login is for; for an AppRole of yours, run: " + x.secretIDCommand()
	case fix.Kind == NewToken && x.facts == nil:
		return fmt.Sprintf("; the policy %s is a guess", x.generalName())
	case fix.Kind == PlanLoginRole:
		return x.explainPlan()
	case fix.Kind == ListLogins:
		return x.explainNoMount()
	}
	return ""
}

// secretIDCommand returns the command that makes another secret id for an AppRole that setup did not make.
func (x *exam) secretIDCommand() string {
	wrap := ""
	if x.login.Wrapped {
		wrap = " -wrap-ttl=5m"
	}
	return fmt.Sprintf("vault write -f%s auth/%s/role/ROLE/secret-id", wrap, quote(x.login.Mount))
}

// storeField stores one field of the output of a vault command where the login reads it. If the
// command fails, the old value stays.
func (x *exam) storeField(field, line string) string {
	only := strings.Replace(line, " -", " -field="+field+" -", 1)
	switch {
	case x.login.Variable != "":
		return fmt.Sprintf(`new="$(%s)" && export %s="$new"`, only, x.login.Variable)
	case x.login.File != "":
		fresh := quote(x.login.File + ".new")
		return fmt.Sprintf("(umask 077; %s >%s && mv %s %s)", only, fresh, fresh, quote(x.login.File))
	}
	return line
}

// generalName returns the name of the first required role's policy for every provider.
func (x *exam) generalName() string { return rights.Scope{}.Name(x.firstRole()) }

func (x *exam) firstRole() string {
	for _, role := range x.Roles {
		if role.Required {
			return role.Name
		}
	}
	return "reader"
}

// adminCommands matches the commands that a service's token may not run.
var adminCommands = regexp.MustCompile(`\b(vaultkit setup|vault (token create|policy|write|read|list|secrets|auth|audit enable|kv enable|kv undelete))`)

// nameAdmin adds to the detail that an admin must run the fix.
func (f Finding) nameAdmin() Finding {
	switch {
	case !adminCommands.MatchString(f.Fix.Command):
	case f.Fix.Kind.Heals():
		f.Detail += "; an admin runs the fix"
	default:
		f.Detail += "; an admin runs it"
	}
	return f
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=-]+$`)

// quote quotes a word for a POSIX shell.
func quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func quotes(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quote(word)
	}
	return strings.Join(quoted, " ")
}

package checks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"goblin/vaultkit/internal/session"
)

// command is a vaultkit command line that finds the same Vault, but for the flags
// (name, value, name, …) that are to be other ones.
func (x *exam) command(verb string, flags ...string) string {
	line := "vaultkit " + verb + x.Flags
	for i, word := range flags {
		if i%2 == 0 {
			line = regexp.MustCompile(" "+word+` ('([^']|'\\'')*'|\S+)`).ReplaceAllLiteralString(line, "")
		}
		line += " " + quote(word)
	}
	return line
}

// printPolicy prints a role's policy, for the named providers where there are names and
// the token has rights over no others. Nobody asks Vault for that, so it needs no login.
func (x *exam) printPolicy(role string) string {
	verb := "vaultkit policy " + role
	for _, provider := range x.policyProviders() {
		verb += " --provider " + quote(provider)
	}
	_, args := x.place(x.PlaceFlags + x.Flags) // the usual is given where the environment says otherwise
	return verb + args
}

// policy writes a role's policy. Whoever may do that has another login.
func (x *exam) writePolicy(role string) string {
	return fmt.Sprintf("%s | vault policy write %s -", x.printPolicy(role), quote(x.policyName(role)))
}

// readPolicy shows what a role needs, where nobody knows what the token has.
func (x *exam) policyFix(role string) Fix { return ReadPolicy.fix(x.printPolicy(role)) }

// narrowed are the providers that a policy is written for; none: all of them. Where two
// policies have a path, Vault goes by the more exact one alone: a narrowed policy would
// take the rights of a general one away.
func (x *exam) policyProviders() []string {
	if x.hasGeneral {
		return nil
	}
	return x.Providers
}

// grant writes a role's policy and gives it to the token's login, if it has not got it.
func (x *exam) grantFix(role string) Fix {
	if slices.Contains(x.policies, x.policyName(role)) {
		return WritePolicy.fix(x.writePolicy(role))
	}
	kind, give := x.attachPolicy(x.policyName(role))
	if give == "" {
		return x.policyFix(role)
	}
	return kind.fix(x.writePolicy(role) + " && " + give)
}

// give gives a policy to the role that the token comes from, or to a new token. It is
// empty where the policies that are there are not known.
func (x *exam) attachPolicy(policy string) (kind Kind, command string) {
	switch role := x.loginRole(); {
	case x.facts == nil:
		return "", ""
	case role != "":
		return AttachPolicy, fmt.Sprintf("vault write %s token_policies=%s", role, quote(strings.Join(append(slices.Clone(x.facts.Policies), policy), ",")))
	case x.login.Kind == session.KindToken:
		return TokenWithPolicy, x.newToken(append(slices.Clone(x.policies), policy))
	}
	return "", ""
}

// allowAsking gives the token the right to ask for its capabilities. What else it has
// cannot be asked, so no policy of a role is written, which may hide a part of that.
func (x *exam) queryFix() Fix {
	if slices.Contains(x.policies, "default") {
		return x.policiesFix()
	}
	if _, give := x.attachPolicy("default"); give != "" {
		return AllowAsking.fix(give)
	}
	return x.policyFix(x.firstRole())
}

// place is where the keys are, as far as these flags name it.
func (x *exam) place(flags string) (named []string, args string) {
	for _, one := range [][2]string{{" --mount ", x.Mount}, {" --base ", x.Base}} {
		if strings.Contains(flags, one[0]) {
			named = append(named, one[1])
			args += one[0] + quote(one[1])
		}
	}
	return named, args
}

// policyName is what the README calls the role's policy, or the token's own one
// that is called as the role is. Other services may have that too: what is written
// for some providers, or for another place, has a name of its own, which takes
// nothing from them. Vault writes names in lower case.
func (x *exam) policyName(role string) string {
	name := "goblin-" + role
	if only := x.policySuffix(); only != "" {
		return strings.ToLower(name + "-" + only)
	}
	if slices.Contains(x.policies, role) && !slices.Contains(x.policies, name) {
		return role
	}
	return name
}

// only is what a policy is narrowed to, as a part of its name.
func (x *exam) policySuffix() string {
	named, _ := x.place(x.PlaceFlags)
	return strings.ReplaceAll(strings.Join(slices.Concat(named, x.policyProviders()), "-"), "/", "-")
}

// whoGets says what else a policy's fix changes, if it does.
func (x *exam) describeFix(fix Fix) string {
	switch fix.Kind {
	case AttachPolicy:
		return "; the fix gives the policy to the login's role, whose services have it when they log in again"
	case TokenWithPolicy:
		return "; the fix makes a new token that has the policy"
	case ReadPolicy:
		return "; give that policy to whatever the token comes from"
	}
	return ""
}

// newToken makes a token with these policies. Those of the roles do without the default
// policy; others that come with it may need it.
func (x *exam) newToken(policies []string) string {
	line := "vault token create -orphan"
	if !slices.Contains(policies, "default") || len(policies) == 1 {
		line += " -no-default-policy"
	}
	only := slices.DeleteFunc(slices.Clone(policies), func(name string) bool { return name == "root" || name == "default" })
	if len(only) == 0 {
		only = []string{"goblin-" + x.firstRole()}
	}
	line += " -period=24h"
	for _, name := range only {
		line += " -policy=" + quote(name)
	}
	return x.storeField("token", line)
}

// guess says what in a fix nobody here knows.
func (x *exam) explainGuess(fix Fix) string {
	switch {
	case fix.Kind == NewSecretID:
		return fmt.Sprintf("; that the role is called goblin-%s is a guess: vault list auth/%s/role shows which there are", x.firstRole(), x.login.Mount)
	case fix.Kind == NewToken && x.facts == nil:
		return fmt.Sprintf("; that the token needs the policy goblin-%s is a guess", x.firstRole())
	}
	return ""
}

// newSecretID makes one for an AppRole, whose name only an operator knows.
func (x *exam) secretIDFix() Fix {
	field, wrap := "secret_id", ""
	if x.login.Wrapped {
		field, wrap = "wrapping_token", "-wrap-ttl=5m "
	}
	return NewSecretID.fix(x.storeField(field, fmt.Sprintf("vault write %s-f auth/%s/role/goblin-%s/secret-id", wrap, x.login.Mount, x.firstRole())))
}

// into puts one field of what a command of the vault CLI prints where the login
// takes it from. When the command fails, what is there stays.
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

func (x *exam) firstRole() string {
	for _, role := range x.Roles {
		if role.Required {
			return role.Name
		}
	}
	return "reader"
}

// forAdmins are the commands that a service's token may not run.
var adminCommands = regexp.MustCompile(`\bvault (token create|policy|write|read|secrets|auth|audit enable|kv enable|kv undelete)`)

// byAdmin says whom a fix is for.
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

// quote makes a word of a POSIX shell's command line.
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

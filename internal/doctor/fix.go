package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// command is a vaultkit command line that finds the same Vault, but for the flags
// (name, value, name, …) that are to be other ones.
func (x *exam) command(verb string, flags ...string) string {
	line := "vaultkit " + verb + x.Args
	for i, word := range flags {
		if i%2 == 0 {
			line = regexp.MustCompile(" "+word+` ('([^']|'\\'')*'|\S+)`).ReplaceAllLiteralString(line, "")
		}
		line += " " + quote(word)
	}
	return line
}

// policy writes a role's policy, for the named providers where there are names.
func (x *exam) policy(role string) string {
	verb := "policy " + role
	for _, provider := range x.Providers {
		verb += " --provider " + quote(provider)
	}
	return fmt.Sprintf("%s | vault policy write %s -", x.command(verb), quote(x.policyName(role)))
}

// policyName is the token's own policy that is called after the role, or what the
// README calls it.
func (x *exam) policyName(role string) string {
	for _, name := range x.policies {
		if name == role || strings.HasSuffix(name, "-"+role) {
			return name
		}
	}
	return "goblin-" + role
}

// attach says that the role's policy has to be given to somebody too.
func (x *exam) attach(role string) string {
	if slices.Contains(x.policies, x.policyName(role)) {
		return ""
	}
	return "; the policy " + x.policyName(role) + " is not among the token's: give it to the token's role too"
}

// newToken makes a token with the policies of the present one.
func (x *exam) newToken() string {
	policies := slices.DeleteFunc(slices.Clone(x.policies), func(name string) bool { return name == "root" || name == "default" })
	if len(policies) == 0 {
		policies = []string{x.policyName(x.firstRole())}
	}
	line := "vault token create -orphan -period=24h"
	for _, name := range policies {
		line += " -policy=" + quote(name)
	}
	return x.into("token", line)
}

// newSecretID makes one for an AppRole, whose name only an operator knows.
func (x *exam) newSecretID() string {
	field, wrap := "secret_id", ""
	if x.login.Wrapped {
		field, wrap = "wrapping_token", "-wrap-ttl=5m "
	}
	return x.into(field, fmt.Sprintf("vault write %s-f auth/%s/role/goblin-%s/secret-id", wrap, x.login.Mount, x.firstRole()))
}

// into puts one field of what a command of the vault CLI prints where the login
// takes it from.
func (x *exam) into(field, line string) string {
	only := strings.Replace(line, " -", " -field="+field+" -", 1)
	switch {
	case x.login.Variable != "":
		return fmt.Sprintf(`export %s="$(%s)"`, x.login.Variable, only)
	case x.login.File != "":
		return fmt.Sprintf("(umask 077; %s >%s)", only, quote(x.login.File))
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

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=-]+$`)

// quote makes a word of a POSIX shell's command line.
func quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

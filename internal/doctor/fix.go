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
// Nobody asks Vault for that, so it needs no login, and whoever may write it has
// another one.
func (x *exam) policy(role string) string {
	verb := "vaultkit policy " + role
	for _, provider := range x.Providers {
		verb += " --provider " + quote(provider)
	}
	_, args := x.place(x.Unusual + x.Args) // the usual is given where the environment says otherwise
	return fmt.Sprintf("%s%s | vault policy write %s -", verb, args, quote(x.policyName(role)))
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
	if only := x.only(); only != "" {
		return strings.ToLower(name + "-" + only)
	}
	if slices.Contains(x.policies, role) && !slices.Contains(x.policies, name) {
		return role
	}
	return name
}

// only is what a policy is narrowed to, as a part of its name.
func (x *exam) only() string {
	named, _ := x.place(x.Unusual)
	return strings.ReplaceAll(strings.Join(slices.Concat(named, x.Providers), "-"), "/", "-")
}

// attach says that the role's policy has to be given to somebody too.
func (x *exam) attach(role string) string {
	name := x.policyName(role)
	switch {
	case slices.Contains(x.policies, name):
		return ""
	case len(x.Providers) > 0: // at a path that both have, Vault goes by the narrowed one alone
		return "; the policy " + name + " is not among the token's: give it to the token's role too, instead of one for every provider"
	}
	return "; the policy " + name + " is not among the token's: give it to the token's role too"
}

// newToken makes a token with the policies of the present one. Those of the roles
// do without the default policy; others that come with it may need it.
func (x *exam) newToken() string {
	policies := slices.DeleteFunc(slices.Clone(x.policies), func(name string) bool { return name == "root" || name == "default" })
	line := "vault token create -orphan"
	if len(policies) == 0 || !slices.Contains(x.policies, "default") {
		line += " -no-default-policy"
	}
	if len(policies) == 0 {
		policies = []string{"goblin-" + x.firstRole()}
	}
	line += " -period=24h"
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
// takes it from. When the command fails, what is there stays.
func (x *exam) into(field, line string) string {
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
var forAdmins = regexp.MustCompile(`\bvault (token create|policy|write|read|secrets|auth|audit enable|kv enable)`)

// byAdmin says whom a fix is for.
func (f Finding) byAdmin() Finding {
	if forAdmins.MatchString(f.Fix) {
		f.Detail += "; an admin runs the fix"
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

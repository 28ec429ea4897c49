package checks

import (
	"fmt"
	"strings"

	"goblin/vaultkit/internal/rights"
	"goblin/vaultkit/internal/session"
)

// setupRole returns the name of the login's role, and the role that vaultkit setup made it for. made
// is empty if the name is not one of setup's.
func (x *exam) setupRole() (name, made string) {
	path := x.loginRole()
	name = path[strings.LastIndexByte(path, '/')+1:]
	for _, role := range rights.Roles() {
		if own := (rights.Scope{}).Name(role); name == own || strings.HasPrefix(name, own+"-") {
			return name, role
		}
	}
	return name, ""
}

// otherRoleFix is for a login whose role vaultkit setup made for another role. A policy that is
// added to such a role is gone after the next setup. Otherwise, it returns no fix.
func (x *exam) otherRoleFix(role string) Fix {
	name, made := x.setupRole()
	if made == "" || name == x.policyScope().Name(role) {
		return noFix
	}
	return AskForRole.fix(x.command("doctor --role " + made))
}

// explainOtherRole says how to log in as the role that was asked for.
func (x *exam) explainOtherRole(role string) string {
	name, made := x.setupRole()
	wanted := x.nameForAll(role)
	text := fmt.Sprintf("; this login is %s's (%s); for the rights of %s, log in as %s",
		withArticle(made), name, withArticle(role), wanted)
	switch x.login.Kind {
	case session.KindJWT:
		return text + " (VAULTKIT_JWT_ROLE=" + wanted + ")" + x.explainNewRole(role)
	case session.KindKubernetes:
		return text + " (VAULTKIT_KUBERNETES_ROLE=" + wanted + ")" + x.explainNewRole(role)
	}
	mount, _, _ := strings.Cut(strings.TrimPrefix(x.loginRole(), "auth/"), "/role/")
	setup := x.setupWithout(append([]string{"--approle", role, "--new-secret-id"}, approlePath(mount)...)...)
	return text + ": an administrator runs: " + setup + ", which prints VAULT_ROLE_ID and VAULTKIT_WRAPPED_SECRET_ID"
}

// explainNewRole says how to make the role of a pod or a job.
func (x *exam) explainNewRole(role string) string {
	plan := x.planLoginRole(role)
	if plan == "" {
		return ""
	}
	return "; if that role does not exist yet, an administrator runs: " + plan
}

// nameForAll returns the name that vaultkit setup gives to a role for every provider.
func (x *exam) nameForAll(role string) string {
	scope := x.policyScope()
	scope.Providers = nil
	return scope.Name(role)
}

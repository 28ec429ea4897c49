package checks

import (
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// setup returns a vaultkit setup command for the same Vault. An administrator runs it, so it has
// none of the flags of the login.
func (x *exam) setup(words ...string) string { return x.setupWithout(words...) + " --yes" }

// setupWithout returns the command without what lets it run: --yes or --dry-run.
func (x *exam) setupWithout(words ...string) string {
	line := "vaultkit setup " + quotes(words)
	for _, name := range []string{"address", "namespace", "ca-cert", "client-cert", "client-key", "tls-server-name"} {
		line += givenFlag("--" + name).FindString(x.Flags)
	}
	return line + x.place()
}

// setupPolicy returns the command that makes or restores a role's policy.
func (x *exam) setupPolicy(role string) string {
	return x.setup(append([]string{"--policy", role}, x.providerFlags()...)...)
}

// providerFlags returns the flags that narrow a policy to its providers.
func (x *exam) providerFlags() (words []string) {
	for _, provider := range x.policyProviders() {
		words = append(words, "--provider", provider)
	}
	return words
}

// approlePath returns the flag that names the mount of an AppRole, unless that is the default.
func approlePath(mount string) []string {
	if mount == "approle" {
		return nil
	}
	return []string{"--approle-path", mount}
}

// credentialsFix makes an AppRole and prints what logs in as it. Vault's answer to a wrong secret
// id is the same as for an AppRole that does not exist. The role of a refused login is unknown, so
// the command has a placeholder unless the caller named one.
func (x *exam) credentialsFix() Fix {
	if !x.hasChosenRole() {
		return PlanCredentials.fix(x.setupWithout(append([]string{"--approle", "ROLE", "--new-secret-id"}, approlePath(x.login.Mount)...)...))
	}
	return NewCredentials.fix(x.setup(append([]string{"--approle", x.firstRole(), "--new-secret-id"}, approlePath(x.login.Mount)...)...))
}

// hasChosenRole reports whether the caller named a role. Then every role is required.
func (x *exam) hasChosenRole() bool {
	return !slices.ContainsFunc(x.Roles, func(role Role) bool { return !role.Required })
}

// restoreAppRole returns the command that restores the AppRole that the token comes from, if
// vaultkit setup makes it for this role.
func (x *exam) restoreAppRole(role string) string {
	name := x.policyScope().Name(role)
	if !strings.HasSuffix(x.loginRole(), "/role/"+name) || x.login.Kind != session.KindAppRole {
		return ""
	}
	return x.setup(slices.Concat([]string{"--approle", role}, approlePath(x.login.Mount), x.providerFlags())...)
}

// loginRoleFix plans the missing role of a pod or a job. It returns otherwise if the login's role has
// another name than vaultkit setup would give it, or setup gives no role to such a pod or job.
func (x *exam) loginRoleFix(otherwise Fix) Fix {
	plan := x.planLoginRole(x.firstRole())
	if plan == "" || x.login.Role != x.nameForAll(x.firstRole()) || !x.mayHaveRole() {
		return otherwise
	}
	return PlanLoginRole.fix(plan)
}

// planLoginRole returns the setup command that shows what it would make for such a pod or job, or ""
// if the login is no pod's and no job's. The command has placeholders in place of the JWT's claims,
// and changes nothing: whoever wrote the JWT may have chosen its claims, because nobody has verified
// its signature.
func (x *exam) planLoginRole(role string) string {
	claims := x.login.JWT
	if claims == nil && x.login.Kind != session.KindKubernetes {
		return ""
	}
	words := []string{"--jwt", role, "--issuer", "ISSUER", "--bound-claim", "CLAIM=VALUE", "--jwt-path", x.login.Mount}
	switch {
	case x.login.Kind == session.KindKubernetes:
		words = []string{"--kubernetes", role + "=NAMESPACE/ACCOUNT", "--kubernetes-path", x.login.Mount}
	case isGitHub(claims) && startedBy["github "+role] != nil:
		words = planJob(role, "--github", "OWNER/REPO", "--github-id", "NUMBER", "--github-workflow", "FILE",
			"--github-path", x.login.Mount, "--github-issuer", "ISSUER")
	case isGitLab(claims) && startedBy["gitlab "+role] != nil:
		words = planJob(role, "--gitlab", "GROUP/PROJECT", "--gitlab-id", "NUMBER", "--gitlab-path", x.login.Mount, "--gitlab-issuer", "ISSUER")
	}
	return x.setupWithout(append(words, "--audience", "AUDIENCE")...) + " --dry-run"
}

// planJob adds what a role of GitHub's and of GitLab's jobs is bound to, too.
func planJob(role string, words ...string) []string {
	words = append(words, "--ci-role", role, "--branch", "BRANCH")
	if role == "rotator" {
		words = append(words, "--environment", "ENVIRONMENT")
	}
	return words
}

func isGitHub(claims *session.Claims) bool { return claims.Text("repository_id") != "" }

func isGitLab(claims *session.Claims) bool { return claims.Text("project_id") != "" }

// shownClaims are the claims that a role of a pod or a job may be bound to.
var shownClaims = []string{
	"sub", "repository", "repository_id", "workflow_ref", "event_name", "project_path", "project_id", "pipeline_source",
	"ref", "ref_type", "ref_protected", "environment", "environment_protected",
}

// explainPlan says what the JWT claims, for a person to compare with what is true.
func (x *exam) explainPlan() string {
	claims := x.login.JWT
	text := fmt.Sprintf("; replace the words in capitals with your project's own values, then run it without --dry-run; "+
		"the JWT's claims are not verified, and its sender may have chosen them, so compare each with your project before you use it: "+
		"iss %.200q, aud %.200q",
		claims.Issuer, claims.Audiences)
	for _, name := range shownClaims {
		if value := claims.Text(name); value != "" {
			text += fmt.Sprintf(", %s %.200q", name, value)
		}
	}
	return vaulterr.Printable(text)
}

// explainNoMount says how to make the auth mount, if vaultkit setup can make it with the login's role.
func (x *exam) explainNoMount() string {
	plan := x.loginRoleFix(noFix)
	if plan == noFix {
		return ""
	}
	return fmt.Sprintf("; if nothing is mounted at auth/%s, setup can make it with the role: %s", x.login.Mount, plan.Command) + x.explainPlan()
}

// startedBy returns the ways to start a job that may have a role.
var startedBy = map[string][]string{
	"github monitor": {"schedule", "workflow_dispatch"}, "github rotator": {"workflow_dispatch"}, "github revoker": {"schedule"},
	"gitlab monitor": {"schedule"}, "gitlab rotator": {"web"}, "gitlab revoker": {"schedule"},
}

// mayHaveRole reports whether a role of vaultkit setup could accept such a pod or job, by the claims
// of its JWT.
func (x *exam) mayHaveRole() bool {
	claims, role := x.login.JWT, x.firstRole()
	lacksEnvironment := role == "rotator" && claims.Text("environment") == ""
	switch {
	case claims == nil || len(claims.Audiences) == 0:
		return false
	case x.login.Kind == session.KindKubernetes:
		return strings.HasPrefix(claims.Subject, "system:serviceaccount:")
	case isGitHub(claims):
		workflow, at, _ := strings.Cut(claims.Text("workflow_ref"), "@")
		return strings.HasPrefix(claims.Text("ref"), "refs/heads/") && at == claims.Text("ref") && !lacksEnvironment &&
			strings.HasPrefix(workflow, claims.Text("repository")+"/") && slices.Contains(startedBy["github "+role], claims.Text("event_name"))
	case isGitLab(claims):
		return claims.Text("ref_type") == "branch" && claims.Text("ref_protected") == "true" && !lacksEnvironment &&
			slices.Contains(startedBy["gitlab "+role], claims.Text("pipeline_source"))
	}
	return claims.Issuer != "" && claims.Subject != ""
}

// kubernetesFix returns the fix for a refused login of a pod.
func (x *exam) kubernetesFix(err error) Fix {
	if vaulterr.UnknownRole(err) {
		return x.loginRoleFix(x.readLoginRole())
	}
	return x.readLoginRole()
}

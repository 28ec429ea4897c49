package checks

import (
	"slices"
	"strings"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// setup returns a vaultkit setup command for the same Vault. An administrator runs it, so it has
// none of the flags of the login.
func (x *exam) setup(words ...string) string {
	line := "vaultkit setup " + quotes(words)
	for _, name := range []string{"address", "namespace", "ca-cert", "client-cert", "client-key", "tls-server-name"} {
		line += givenFlag("--" + name).FindString(x.Flags)
	}
	return line + x.place() + " --yes"
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

// approlePath returns the flag that names the login's mount, unless that is the default.
func (x *exam) approlePath() []string {
	if x.login.Mount == "approle" {
		return nil
	}
	return []string{"--approle-path", x.login.Mount}
}

// credentialsFix makes an AppRole and prints what logs in as it. Vault's answer to a wrong secret
// id is the same as for an AppRole that does not exist.
func (x *exam) credentialsFix() Fix {
	return NewCredentials.fix(x.setup(append([]string{"--approle", x.firstRole(), "--new-secret-id"}, x.approlePath()...)...))
}

// restoreAppRole returns the command that restores the AppRole that the token comes from, if
// vaultkit setup makes it for this role.
func (x *exam) restoreAppRole(role string) string {
	name := x.policyScope().Name(role)
	if !strings.HasSuffix(x.loginRole(), "/role/"+name) || x.login.Kind != session.KindAppRole {
		return ""
	}
	return x.setup(slices.Concat([]string{"--approle", role}, x.approlePath(), x.providerFlags())...)
}

// loginRoleFix makes the missing role of a pod or a job, as its JWT describes it. It returns
// otherwise if the login's role has another name than vaultkit setup would give it, or setup gives
// no role to such a pod or job.
func (x *exam) loginRoleFix(otherwise Fix) Fix {
	claims := x.login.JWT
	if claims == nil || x.login.Role != x.generalName() || len(claims.Audiences) != 1 {
		return otherwise
	}
	words := x.jobFlags(claims)
	if x.login.Kind == session.KindKubernetes {
		words = x.podFlags(claims)
	}
	if words == nil {
		return otherwise
	}
	return MakeLoginRole.fix(x.setup(append(words, "--audience", claims.Audiences[0])...))
}

// podFlags returns the flags for the role of a pod's service account.
func (x *exam) podFlags(claims *session.Claims) []string {
	account, ok := strings.CutPrefix(claims.Subject, "system:serviceaccount:")
	namespace, name, found := strings.Cut(account, ":")
	if !ok || !found {
		return nil
	}
	return []string{"--kubernetes", x.firstRole() + "=" + namespace + "/" + name, "--kubernetes-path", x.login.Mount}
}

// jobFlags returns the flags for the role of a job of GitHub, GitLab or another issuer.
func (x *exam) jobFlags(claims *session.Claims) []string {
	switch {
	case claims.Text("repository_id") != "":
		return x.githubFlags(claims)
	case claims.Text("project_id") != "":
		return x.gitlabFlags(claims)
	case claims.Issuer == "" || claims.Subject == "":
		return nil
	}
	return []string{"--jwt", x.firstRole(), "--jwt-path", x.login.Mount, "--issuer", claims.Issuer, "--bound-claim", "sub=" + claims.Subject}
}

// startedBy returns the ways to start a job that may have a role.
var startedBy = map[string][]string{
	"github monitor": {"schedule", "workflow_dispatch"}, "github rotator": {"workflow_dispatch"}, "github revoker": {"schedule"},
	"gitlab monitor": {"schedule"}, "gitlab rotator": {"web"}, "gitlab revoker": {"schedule"},
}

func (x *exam) githubFlags(claims *session.Claims) []string {
	repository := claims.Text("repository")
	branch, ok := strings.CutPrefix(claims.Text("ref"), "refs/heads/")
	workflow, at, _ := strings.Cut(claims.Text("workflow_ref"), "@")
	workflow, own := strings.CutPrefix(workflow, repository+"/")
	if !ok || !own || at != claims.Text("ref") || !slices.Contains(startedBy["github "+x.firstRole()], claims.Text("event_name")) {
		return nil
	}
	return x.withEnvironment(claims, "--github", repository, "--github-id", claims.Text("repository_id"), "--github-workflow", workflow,
		"--branch", branch, "--github-path", x.login.Mount, "--github-issuer", claims.Issuer)
}

func (x *exam) gitlabFlags(claims *session.Claims) []string {
	if claims.Text("ref_type") != "branch" || claims.Text("ref_protected") != "true" ||
		!slices.Contains(startedBy["gitlab "+x.firstRole()], claims.Text("pipeline_source")) {
		return nil
	}
	words := x.withEnvironment(claims, "--gitlab", claims.Text("project_path"), "--gitlab-id", claims.Text("project_id"),
		"--branch", claims.Text("ref"), "--gitlab-path", x.login.Mount, "--gitlab-issuer", claims.Issuer)
	if words != nil && claims.Text("environment_protected") != "true" {
		words = append(words, "--gitlab-free")
	}
	return words
}

// withEnvironment adds the role, and for a rotator the environment that its job must have.
func (x *exam) withEnvironment(claims *session.Claims, words ...string) []string {
	words = append(words, "--ci-role", x.firstRole())
	if x.firstRole() != "rotator" {
		return words
	}
	if claims.Text("environment") == "" {
		return nil
	}
	return append(words, "--environment", claims.Text("environment"))
}

// kubernetesFix returns the fix for a refused login of a pod.
func (x *exam) kubernetesFix(err error) Fix {
	if vaulterr.UnknownRole(err) {
		return x.loginRoleFix(x.readLoginRole())
	}
	return x.readLoginRole()
}

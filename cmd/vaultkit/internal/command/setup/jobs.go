package setup

import (
	"maps"

	"goblin/vaultkit/cmd/vaultkit/internal/setup"
	"goblin/vaultkit/policy"
)

// claims are the claims that the tokens of jobs must have, each with one of the values.
type claims = map[string][]string

// githubLogins returns the roles of GitHub's jobs. Names can be given away and taken by somebody
// else; the number of a repository cannot. The workflow file keeps other workflows of the branch
// out. Rotating is for somebody who starts it in the protected environment; revoking old keys is
// for the schedule alone, whose jobs cannot put a key in force.
func (f *Flags) githubLogins() []setup.Login {
	ref := "refs/heads/" + f.Branch
	common := claims{
		"repository": {f.GitHub}, "repository_id": {f.GitHubID}, "ref": {ref},
		"workflow_ref": {f.GitHub + "/" + f.GitHubWorkflow + "@" + ref},
	}
	return f.logins("repository", []string{"repository_id", "repository", "sub"}, common, map[string]claims{
		"monitor": {"event_name": {"schedule", "workflow_dispatch"}},
		"rotator": {"event_name": {"workflow_dispatch"}, "environment": {f.Environment}},
		"revoker": {"event_name": {"schedule"}},
	})
}

// gitlabLogins returns the roles of GitLab's jobs, as strict as those of GitHub's. A pipeline is
// that of the file on the protected branch.
func (f *Flags) gitlabLogins() []setup.Login {
	common := claims{
		"project_path": {f.GitLab}, "project_id": {f.GitLabID},
		"ref_type": {"branch"}, "ref": {f.Branch}, "ref_protected": {"true"},
	}
	protected := "true"
	if f.GitLabFree {
		protected = "false"
	}
	return f.logins("project_path", []string{"project_id", "project_path", "sub"}, common, map[string]claims{
		"monitor": {"pipeline_source": {"schedule"}},
		"rotator": {"pipeline_source": {"web"}, "environment": {f.Environment}, "environment_protected": {protected}},
		"revoker": {"pipeline_source": {"schedule"}},
	})
}

// logins adds to each wanted role's claims those that all have in common.
func (f *Flags) logins(userClaim string, identity []string, common claims, own map[string]claims) (all []setup.Login) {
	wanted := unique(f.CIRoles)
	if len(wanted) == 0 {
		wanted = ciRoles
	}
	for _, role := range wanted {
		bound := maps.Clone(common)
		maps.Copy(bound, own[role])
		all = append(all, setup.Login{Role: policy.Role(role), Claims: bound, UserClaim: userClaim, Identity: identity})
	}
	return all
}

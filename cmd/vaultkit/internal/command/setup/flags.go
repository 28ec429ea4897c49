package setup

import (
	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/completion"
	"goblin/vaultkit/cmd/vaultkit/internal/flaggroup"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/roles"
)

// Flags say what the Vault must have.
type Flags struct {
	Policies, AppRoles, Kubernetes []string
	GitHub, GitLab, JWT            string
	Providers                      []string

	AppRolePath string
	NewSecretID bool
	WrapTTL     flagtype.Duration

	KubernetesPath, KubernetesHost, KubernetesCA, ReviewerJWT string
	anyKubernetesHost                                         bool // --kubernetes-host is not given

	GitHubID, GitHubWorkflow, GitHubPath, GitHubIssuer string
	GitLabID, GitLabPath, GitLabIssuer                 string
	GitLabFree                                         bool
	CIRoles                                            []string
	Branch, Environment                                string

	JWTPath, Issuer, UserClaim string
	BoundClaims                []string

	Audience, IssuerCA string
	IssuerKeys         []string

	ReplaceRole, ReplaceConfig bool
}

// The defaults of the flags.
const (
	defaultAppRolePath    = "approle"
	defaultKubernetesPath = "kubernetes"
	defaultGitHubPath     = "jwt-github"
	defaultGitLabPath     = "jwt-gitlab"
	defaultJWTPath        = "jwt"
)

// add adds the flags, in groups.
func (f *Flags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	text := func(to *string, group, name, value, help string) {
		flags.StringVar(to, name, value, help)
		flaggroup.Set(flags, group, name)
	}
	list := func(to *[]string, group, name, help string) {
		flags.StringArrayVar(to, name, nil, help)
		flaggroup.Set(flags, group, name)
	}
	list(&f.Policies, what, "policy", "make the policy of this `role`, and no login; may be repeated (default: none)")
	list(&f.AppRoles, what, "approle", "make an AppRole with the policy of this `role`; may be repeated (default: none)")
	list(&f.Kubernetes, what, "kubernetes",
		"let the pods of a service account have a role, as `role=namespace/account`; may be repeated (default: none)")
	text(&f.GitHub, what, "github", "", "let the jobs of this `owner/repository` on GitHub log in (default: none)")
	text(&f.GitLab, what, "gitlab", "", "let the jobs of this `group/project` on GitLab log in (default: none)")
	text(&f.JWT, what, "jwt", "", "let jobs with the tokens of --issuer have this `role` (default: none)")
	list(&f.Providers, what, "provider", "`name` of a provider to limit the policies to; may be repeated (default: every provider)")

	text(&f.AppRolePath, "AppRoles", "approle-path", defaultAppRolePath, "`path` of the auth mount")
	flags.BoolVar(&f.NewSecretID, "new-secret-id", false, "make a secret id for an AppRole that is already there, too")
	f.WrapTTL = flagtype.Duration(defaultWrapTTL)
	flags.Var(&f.WrapTTL, "wrap-ttl", "`time` within which a printed secret id must be used")
	flaggroup.Set(flags, "AppRoles", "new-secret-id", "wrap-ttl")

	text(&f.KubernetesPath, "Pods", "kubernetes-path", defaultKubernetesPath, "`path` of the auth mount")
	text(&f.KubernetesHost, "Pods", "kubernetes-host", "https://kubernetes.default.svc",
		"`URL` of the API server, as Vault reaches it; an existing auth mount keeps its own if the flag is not given")
	text(&f.KubernetesCA, "Pods", "kubernetes-ca", "", "PEM `file` with the CA of the API server (default: that of Vault's own pod)")
	text(&f.ReviewerJWT, "Pods", "kubernetes-reviewer-jwt", "",
		"`file` with a token that may review tokens, of an account bound to system:auth-delegator (default: that of Vault's own pod)")
	f.addCI(cmd, text, list)
	flags.BoolVar(&f.ReplaceRole, "replace-role", false, "give a role that is for other jobs or pods to these instead")
	flags.BoolVar(&f.ReplaceConfig, "replace-config", false,
		"write the config of an auth mount that is for another cluster or issuer, or has another CA or other keys")
	f.addCompletions(cmd)
}

// what is the heading of the flags that say what is made.
const what = "What to make"

type (
	addText = func(to *string, group, name, value, help string)
	addList = func(to *[]string, group, name, help string)
)

func (f *Flags) addCI(cmd *cobra.Command, text addText, list addList) {
	const jobs, other, tokens = "Jobs of GitHub and GitLab", "Jobs of another issuer", "Tokens of jobs and pods"
	list(&f.CIRoles, jobs, "ci-role", "`role` of the jobs: monitor, rotator or revoker; may be repeated (default: all three)")
	text(&f.Branch, jobs, "branch", "main", "protected `branch` that the jobs must run on")
	text(&f.Environment, jobs, "environment", "production", "protected `environment` that a rotator's job must run in")
	text(&f.GitHubID, jobs, "github-id", "", "`number` of the repository: gh api repos/OWNER/REPO --jq .id (default: none, required with --github)")
	text(&f.GitHubWorkflow, jobs, "github-workflow", ".github/workflows/github-rotate.yml", "workflow `file` that the jobs must belong to")
	text(&f.GitHubPath, jobs, "github-path", defaultGitHubPath, "`path` of the auth mount")
	text(&f.GitHubIssuer, jobs, "github-issuer", "https://token.actions.githubusercontent.com", "`URL` of the issuer")
	text(&f.GitLabID, jobs, "gitlab-id", "", "`number` of the project, in the menu of its page (default: none, required with --gitlab)")
	cmd.Flags().BoolVar(&f.GitLabFree, "gitlab-free", false, "the environment is not protected: GitLab Free cannot protect one")
	flaggroup.Set(cmd.Flags(), jobs, "gitlab-free")
	text(&f.GitLabPath, jobs, "gitlab-path", defaultGitLabPath, "`path` of the auth mount")
	text(&f.GitLabIssuer, jobs, "gitlab-issuer", "https://gitlab.com", "`URL` of the issuer")

	text(&f.Issuer, other, "issuer", "", "`URL` of the issuer (default: none, required with --jwt)")
	list(&f.BoundClaims, other, "bound-claim",
		"a claim that the tokens must have, as `name=value`; the same name again allows another value (default: none, required with --jwt)")
	text(&f.UserClaim, other, "user-claim", "sub", "`name` of the claim that tells jobs apart")
	text(&f.JWTPath, other, "jwt-path", defaultJWTPath, "`path` of the auth mount")

	text(&f.Audience, tokens, "audience", "vault", "`audience` that the tokens must be for")
	text(&f.IssuerCA, tokens, "issuer-ca", "", "PEM `file` with the CA of the issuer's URL (default: the CAs of Vault's system)")
	list(&f.IssuerKeys, tokens, "issuer-key",
		"PEM `file` with a public key of the issuer, for an issuer that Vault cannot reach; may be repeated (default: Vault asks the issuer)")
}

func (f *Flags) addCompletions(cmd *cobra.Command) {
	describe := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return roles.Describe("%s\t%s"), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
	for _, name := range []string{"policy", "approle", "jwt"} {
		_ = cmd.RegisterFlagCompletionFunc(name, describe) // the flag is there
	}
	_ = cmd.RegisterFlagCompletionFunc("ci-role", func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return completion.Prefixed(typed, ciRoles...), cobra.ShellCompDirectiveNoFileComp
	})
	for _, name := range []string{"kubernetes-ca", "kubernetes-reviewer-jwt", "issuer-ca", "issuer-key"} {
		_ = cmd.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		})
	}
}

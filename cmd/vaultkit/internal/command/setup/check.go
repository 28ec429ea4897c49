package setup

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
)

// defaultWrapTTL is how long a wrapped secret id can be used.
const defaultWrapTTL = 5 * time.Minute

// maxWrapTTL is the longest time that Vault wraps a response for, if it is not told otherwise.
const maxWrapTTL = 32 * flagtype.Day

// ciRoles are the roles of jobs on GitHub and GitLab.
var ciRoles = []string{"monitor", "rotator", "revoker"}

// The forms of values. None of them accepts a wildcard, which Vault would take for any text.
var (
	number      = regexp.MustCompile(`^[0-9]{1,20}$`)
	repository  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}/[A-Za-z0-9._-]{1,100}$`)
	project     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$`)
	workflow    = regexp.MustCompile(`^\.github/workflows/[A-Za-z0-9_.-]+\.ya?ml$`)
	branch      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]*$`)
	environment = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9 ._/-]{0,254}$`)
	mountPath   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)
	claimName   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}$`)
	account     = regexp.MustCompile(`^[a-z]+=[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
)

// check refuses values that cannot be meant, and flags without the one that they belong to.
// changed reports whether a flag is given. The errors do not repeat a value.
func (f *Flags) check(changed func(flag string) bool) error {
	if len(f.Policies)+len(f.AppRoles)+len(f.Kubernetes) == 0 && f.GitHub+f.GitLab+f.JWT == "" {
		return exitcode.UsageErrorf("say what to make: give --policy, --approle, --kubernetes, --github, --gitlab or --jwt")
	}
	if err := f.checkNeeded(changed); err != nil {
		return err
	}
	if f.anyKubernetesHost = !changed("kubernetes-host"); f.anyKubernetesHost && f.ReplaceConfig && len(f.Kubernetes) > 0 {
		return exitcode.UsageErrorf("--replace-config needs --kubernetes-host: the config of the auth mount says which cluster Vault asks")
	}
	for _, check := range []func() error{f.checkForms, f.checkJobs, f.checkURLs, f.checkPaths} {
		if err := check(); err != nil {
			return err
		}
	}
	if wrap := time.Duration(f.WrapTTL); wrap < time.Second || wrap > maxWrapTTL || wrap%time.Second != 0 {
		return exitcode.UsageErrorf("--wrap-ttl must be a time of whole seconds up to 32d")
	}
	return nil
}

// checkNeeded refuses a flag without the one that it belongs to, and misses the required ones.
func (f *Flags) checkNeeded(changed func(string) bool) error {
	for _, group := range []struct {
		wanted   bool
		by       string
		required []string
		others   string
	}{
		{len(f.AppRoles) > 0, "--approle", nil, "approle-path new-secret-id wrap-ttl"},
		{len(f.Kubernetes) > 0, "--kubernetes", nil, "kubernetes-path kubernetes-host kubernetes-ca kubernetes-reviewer-jwt"},
		{f.GitHub != "", "--github", []string{"github-id"}, "github-workflow github-path github-issuer"},
		{f.GitLab != "", "--gitlab", []string{"gitlab-id"}, "gitlab-free gitlab-path gitlab-issuer"},
		{f.GitHub+f.GitLab != "", "--github or --gitlab", nil, "ci-role branch environment"},
		{f.JWT != "", "--jwt", []string{"issuer", "bound-claim"}, "user-claim jwt-path"},
		{f.GitHub+f.GitLab+f.JWT != "", "--github, --gitlab or --jwt", nil, "issuer-ca issuer-key"},
		{len(f.Kubernetes) > 0 || f.GitHub+f.GitLab+f.JWT != "", "--kubernetes, --github, --gitlab or --jwt", nil,
			"audience replace-role replace-config"},
	} {
		for _, name := range group.required {
			if group.wanted && !changed(name) {
				return exitcode.UsageErrorf("%s needs --%s", group.by, name)
			}
		}
		for _, name := range append(group.required, strings.Fields(group.others)...) {
			if !group.wanted && changed(name) {
				return exitcode.UsageErrorf("--%s is for %s", name, group.by)
			}
		}
	}
	issuers := 0
	for _, one := range []string{f.GitHub, f.GitLab, f.JWT} {
		if one != "" {
			issuers++
		}
	}
	if issuers > 1 && len(f.IssuerKeys)+len(f.IssuerCA) > 0 {
		return exitcode.UsageErrorf("--issuer-ca and --issuer-key are for one issuer: run setup once for each")
	}
	return nil
}

// checkForms refuses single values.
func (f *Flags) checkForms() error {
	for _, one := range []struct {
		flag, value string
		form        *regexp.Regexp
		example     string
	}{
		{"github", f.GitHub, repository, "owner/repository"},
		{"github-id", f.GitHubID, number, "a number"},
		{"github-workflow", f.GitHubWorkflow, workflow, ".github/workflows/rotate.yml"},
		{"gitlab", f.GitLab, project, "group/project"},
		{"gitlab-id", f.GitLabID, number, "a number"},
		{"branch", f.Branch, branch, "the name of a branch, without refs/heads/"},
		{"environment", f.Environment, environment, "the name of an environment"},
		{"user-claim", f.UserClaim, claimName, "the name of a claim"},
	} {
		if one.value != "" && (!one.form.MatchString(one.value) || strings.Contains(one.value, "..")) || one.value == "" && one.flag == "branch" {
			return exitcode.UsageErrorf("--%s must be %s; wildcards are not accepted", one.flag, one.example)
		}
	}
	if f.Environment == "" || f.UserClaim == "" || f.GitHubWorkflow == "" {
		return exitcode.UsageErrorf("--environment, --user-claim and --github-workflow must not be empty")
	}
	for _, one := range f.Kubernetes {
		if !account.MatchString(one) || strings.Contains(one, "..") {
			return exitcode.UsageErrorf("--kubernetes must be role=namespace/account, such as reader=goblin/assistant; wildcards are not accepted")
		}
	}
	return nil
}

// checkJobs refuses roles and claims of jobs.
func (f *Flags) checkJobs() error {
	for _, role := range f.CIRoles {
		if !slices.Contains(ciRoles, role) {
			return exitcode.UsageErrorf("--ci-role must be %s", namelist.Join(ciRoles, " or "))
		}
	}
	for _, one := range f.BoundClaims {
		name, value, _ := strings.Cut(one, "=")
		if !claimName.MatchString(name) || !isClaimValue(value) {
			return exitcode.UsageErrorf("--bound-claim must be name=value, such as project=goblin; wildcards are not accepted")
		}
	}
	if !isClaimValue(f.Audience) || strings.ContainsAny(f.Audience, ", ") || strings.ContainsAny(f.Audience[:1], `-\`) {
		return exitcode.UsageErrorf("--audience must be one word, such as vault")
	}
	return nil
}

// isClaimValue reports whether a text can be the value of a claim.
func isClaimValue(text string) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	return text != "" && len(text) <= 512 && strings.TrimSpace(text) == text && !strings.ContainsRune(text, '*') &&
		!strings.ContainsFunc(text, unprintable)
}

func (f *Flags) checkURLs() error {
	for flag, value := range map[string]string{
		"kubernetes-host": f.KubernetesHost, "github-issuer": f.GitHubIssuer, "gitlab-issuer": f.GitLabIssuer, "issuer": f.Issuer,
	} {
		if !isURL(value) && (value != "" || flag != "issuer") {
			return exitcode.UsageErrorf("--%s must be a URL such as https://ci.example.com, without user, query and fragment", flag)
		}
	}
	return nil
}

// isURL accepts HTTPS, and HTTP on this machine: who can change the answers of an issuer on the
// network can log in.
func isURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(text, "*?#, ") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && net.ParseIP(u.Hostname()).IsLoopback()
}

func (f *Flags) checkPaths() error {
	used := map[string]string{}
	for _, one := range []struct {
		flag, path string
		wanted     bool
	}{
		{"approle-path", f.AppRolePath, len(f.AppRoles) > 0},
		{"kubernetes-path", f.KubernetesPath, len(f.Kubernetes) > 0},
		{"github-path", f.GitHubPath, f.GitHub != ""},
		{"gitlab-path", f.GitLabPath, f.GitLab != ""},
		{"jwt-path", f.JWTPath, f.JWT != ""},
	} {
		if !mountPath.MatchString(one.path) || strings.Contains(one.path, "..") || one.path == "token" {
			return exitcode.UsageErrorf("--%s must be a path such as %s", one.flag, strings.TrimSuffix(one.flag, "-path"))
		}
		if one.wanted && used[one.path] != "" {
			return exitcode.UsageErrorf("--%s and --%s must be different paths", used[one.path], one.flag)
		}
		if one.wanted {
			for other, flag := range used {
				if strings.HasPrefix(one.path+"/", other+"/") || strings.HasPrefix(other+"/", one.path+"/") {
					return exitcode.UsageErrorf("--%s and --%s must not be one below the other", flag, one.flag)
				}
			}
			used[one.path] = one.flag
		}
	}
	return nil
}

package setup

import (
	"context"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/cmd/vaultkit/internal/roles"
	"goblin/vaultkit/cmd/vaultkit/internal/setup"
	"goblin/vaultkit/policy"
)

// spec returns what the flags ask for. It reads the files that they name.
func (o *Options) spec(ctx context.Context) (*setup.Spec, error) {
	mount, base, err := o.Vault.Location()
	if err != nil {
		return nil, err
	}
	spec := &setup.Spec{
		ReplaceRole: o.ReplaceRole, ReplaceConfig: o.ReplaceConfig,
		Mount: mount, Base: base, Providers: unique(o.Providers), Policies: asRoles(o.Policies),
		AppRoles: setup.AppRoles{
			Path: o.AppRolePath, Roles: asRoles(unique(o.AppRoles)), NewSecretID: o.NewSecretID, WrapTTL: time.Duration(o.WrapTTL),
		},
	}
	files := reader{SecretReader: flagtype.SecretReader{IO: o.IO, AllowControl: true}, ctx: ctx}
	if spec.Kubernetes, err = o.pods(&files); err != nil {
		return nil, err
	}
	spec.Issuers = o.issuers(&files)
	if files.err != nil {
		return nil, files.err
	}
	return spec, o.suggest(spec.Check())
}

// suggest adds to the error of an unknown role those that may be meant.
func (o *Options) suggest(err error) error {
	for _, role := range append(append([]string{o.JWT}, o.Policies...), o.AppRoles...) {
		if names := roles.Similar(policy.Role(role)); err != nil && len(names) > 0 {
			return namelist.Suggest(err, names)
		}
	}
	return err
}

// pods returns the roles of pods. A role has the accounts of one namespace, because Vault accepts
// each of its accounts in each of its namespaces.
func (o *Options) pods(files *reader) (setup.Kubernetes, error) {
	k := setup.Kubernetes{Path: o.KubernetesPath, Audience: o.Audience, Host: o.KubernetesHost, AnyHost: o.anyKubernetesHost,
		CA: files.pem("--kubernetes-ca", o.KubernetesCA, "CERTIFICATE"), Reviewer: files.secret("--kubernetes-reviewer-jwt", o.ReviewerJWT)}
	namespaces := map[string]string{}
	for _, one := range o.Kubernetes {
		role, bound, _ := strings.Cut(one, "=")
		namespace, name, _ := strings.Cut(bound, "/")
		if other := namespaces[role]; other != "" && other != namespace {
			return k, exitcode.UsageErrorf("--kubernetes names two namespaces for one role: give each its own --kubernetes-path")
		}
		namespaces[role] = namespace
		k.Accounts = append(k.Accounts, setup.Account{Role: policy.Role(role), Namespace: namespace, Name: name})
	}
	return k, nil
}

// issuers returns the issuers of jobs' tokens.
func (o *Options) issuers(files *reader) (all []setup.Issuer) {
	if o.GitHub != "" {
		all = append(all, setup.Issuer{Path: o.GitHubPath, PathFlag: "--github-path", URL: o.GitHubIssuer, Logins: o.githubLogins()})
	}
	if o.GitLab != "" {
		all = append(all, setup.Issuer{Path: o.GitLabPath, PathFlag: "--gitlab-path", URL: o.GitLabIssuer, Logins: o.gitlabLogins()})
	}
	if o.JWT != "" {
		login := setup.Login{Role: policy.Role(o.JWT), Claims: o.boundClaims(), UserClaim: o.UserClaim}
		all = append(all, setup.Issuer{Path: o.JWTPath, PathFlag: "--jwt-path", URL: o.Issuer, Logins: []setup.Login{login}})
	}
	for i := range all {
		all[i].Audience = o.Audience
		all[i].CA = files.pem("--issuer-ca", o.IssuerCA, "CERTIFICATE")
		all[i].Keys = o.keys(files)
	}
	return all
}

// keys returns the public keys of the issuer, each once.
func (o *Options) keys(files *reader) (keys []setup.File) {
	for _, path := range o.IssuerKeys {
		key := files.pem("--issuer-key", path, "PUBLIC KEY")
		if !slices.ContainsFunc(keys, func(other setup.File) bool { return other.Content == key.Content }) {
			keys = append(keys, key)
		}
	}
	return keys
}

// boundClaims returns the values of each claim.
func (o *Options) boundClaims() map[string][]string {
	found := map[string][]string{}
	for _, one := range o.BoundClaims {
		name, value, _ := strings.Cut(one, "=")
		found[name] = append(found[name], value)
	}
	return found
}

func asRoles(names []string) (list []policy.Role) {
	for _, name := range names {
		list = append(list, policy.Role(name))
	}
	return list
}

// unique returns the words, each once.
func unique(words []string) (list []string) {
	seen := map[string]bool{}
	for _, word := range words {
		if !seen[word] {
			seen[word], list = true, append(list, word)
		}
	}
	return list
}

// reader reads the files of flags, and keeps the first error.
type reader struct {
	flagtype.SecretReader
	ctx context.Context
	err error
}

func (r *reader) read(flag, path string) setup.File {
	if path == "" || r.err != nil {
		return setup.File{}
	}
	text, err := r.File(r.ctx, "the file of "+flag, path)
	r.err = err
	return setup.File{Path: path, Content: text}
}

// secret reads a file with a token.
func (r *reader) secret(flag, path string) setup.File {
	file := r.read(flag, path)
	file.Content = strings.TrimSpace(file.Content)
	return file
}

// pem reads a file in the PEM format, with blocks of one kind. A private key in it must not get into
// Vault, which shows it.
func (r *reader) pem(flag, path, kind string) setup.File {
	file := r.read(flag, path)
	if path == "" || r.err != nil {
		return file
	}
	blocks := 0
	for block, rest := pem.Decode([]byte(file.Content)); block != nil && r.err == nil; block, rest = pem.Decode(rest) {
		if blocks++; block.Type != kind {
			r.err = exitcode.Invalid("the file of "+flag, "has a PEM block that is no "+kind, "name a file with nothing else")
		}
	}
	switch {
	case r.err != nil:
	case blocks == 0:
		r.err = exitcode.Invalid("the file of "+flag, "has no PEM block "+kind, "name a PEM file, which starts with -----BEGIN "+kind+"-----")
	case blocks > 1 && kind == "PUBLIC KEY":
		r.err = exitcode.Invalid("the file of "+flag, fmt.Sprintf("has %d keys", blocks), "name a file for each key")
	}
	file.Content += "\n" // as in the file
	return file
}

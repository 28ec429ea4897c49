package setup

import (
	"slices"
	"strings"

	"goblin/vaultkit/policy"
)

// Kubernetes are the roles of pods.
type Kubernetes struct {
	Path     string // of the auth mount
	Accounts []Account
	Audience string // of the pods' tokens

	Host     string // URL of the API server, as Vault sees it
	CA       File   // of the API server; empty: that of the pod in which Vault runs
	Reviewer File   // the token with which Vault asks the API server; empty: that of Vault's pod
}

// Account is a service account, and the role of its pods.
type Account struct {
	Role            policy.Role
	Namespace, Name string
}

// File is a file with a value, and what is in it.
type File struct{ Path, Content string }

// kubernetes returns the auth mount, its config, and the roles.
func (s *Spec) kubernetes() []*object {
	k := s.Kubernetes
	if len(k.Accounts) == 0 {
		return nil
	}
	all := []*object{authMount(k.Path, "kubernetes", "--kubernetes-path"), authConfig(k.Path, refusedCluster, k.config(), k.inspect)}
	done := map[policy.Role]bool{}
	for _, account := range k.Accounts {
		if !done[account.Role] {
			done[account.Role] = true
			all = append(all, s.podRole(account.Role))
		}
	}
	return all
}

// refusedCluster is the hint for a refused config: outside a pod, Vault has no CA of its own.
const refusedCluster = "check --kubernetes-host; where Vault does not run in the cluster, give --kubernetes-ca and --kubernetes-reviewer-jwt"

func (k *Kubernetes) config() []field {
	fields := []field{{name: "kubernetes_host", value: k.Host}}
	if k.CA.Path != "" {
		fields = append(fields, field{name: "kubernetes_ca_cert", value: k.CA.Content, file: k.CA.Path})
	}
	if k.Reviewer.Path != "" {
		fields = append(fields, field{name: "token_reviewer_jwt", value: k.Reviewer.Content, file: k.Reviewer.Path, hide: true})
	}
	return fields
}

// inspect returns how the existing config differs from the flags. Vault asks its cluster whether a token is
// valid, so a role here can be for another cluster than the user means.
func (k *Kubernetes) inspect(current map[string]any) (string, error) {
	var differs []string
	if host := asText(current["kubernetes_host"]); host != k.Host {
		differs = append(differs, "it asks the API server "+host+", not "+k.Host)
	}
	if ca := asText(current["kubernetes_ca_cert"]); k.CA.Path != "" && strings.TrimSpace(ca) != strings.TrimSpace(k.CA.Content) {
		differs = append(differs, "it has another CA than "+k.CA.Path)
	}
	if set, ok := current["token_reviewer_jwt_set"].(bool); k.Reviewer.Path != "" && ok && !set {
		differs = append(differs, "it has no reviewer token")
	}
	return strings.Join(differs, "; "), nil
}

// KubernetesRole is the kind of the steps for roles of pods.
const KubernetesRole = "Kubernetes role"

// podRole returns the role of the service accounts of a role.
func (s *Spec) podRole(role policy.Role) *object {
	var names, namespaces []string
	for _, account := range s.Kubernetes.Accounts {
		if account.Role == role {
			names, namespaces = append(names, account.Name), append(namespaces, account.Namespace)
		}
	}
	fields := append([]field{
		{name: "bound_service_account_names", value: unique(names)},
		{name: "bound_service_account_namespaces", value: unique(namespaces)},
		{name: "bound_service_account_namespace_selector", value: ""},
		{name: "audience", value: s.Kubernetes.Audience},
		{name: "alias_name_source", value: "serviceaccount_uid"},
	}, tokenFields(s.name(role), lifetime(role))...)
	return authRole(KubernetesRole, s.Kubernetes.Path, s.name(role), fields)
}

func unique(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

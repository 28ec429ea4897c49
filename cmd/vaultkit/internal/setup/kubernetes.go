package setup

import (
	"slices"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/policy"
)

// Kubernetes are the roles of pods.
type Kubernetes struct {
	Path     string // of the auth mount
	Accounts []Account
	Audience string // of the pods' tokens

	Host     string // URL of the API server, as Vault sees it
	AnyHost  bool   // a mount that is there may ask another API server
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

// is reports whether a value of Vault is what is in the file.
func (f File) is(current any) bool {
	return strings.TrimSpace(asText(current)) == strings.TrimSpace(f.Content)
}

// kubernetes returns the auth mount, its config, and the roles.
func (s *Spec) kubernetes() []*object {
	k := s.Kubernetes
	if len(k.Accounts) == 0 {
		return nil
	}
	all := []*object{authMount(k.Path, "kubernetes", kubernetesPathFlag), s.clusterConfig()}
	done := map[policy.Role]bool{}
	for _, account := range k.Accounts {
		if !done[account.Role] {
			done[account.Role] = true
			all = append(all, s.podRole(account.Role))
		}
	}
	return all
}

const kubernetesPathFlag = "--kubernetes-path"

// refusedCluster is the hint for a refused config: outside a pod, Vault has no CA of its own.
const refusedCluster = "check --kubernetes-host; where Vault does not run in the cluster, give --kubernetes-ca and --kubernetes-reviewer-jwt"

func (k *Kubernetes) config() []field {
	fields := []field{{name: "kubernetes_host", value: k.Host}}
	if k.CA.Path != "" {
		fields = append(fields, field{name: "kubernetes_ca_cert", value: k.CA.Content, file: k.CA.Path, same: k.CA.is})
	}
	if k.Reviewer.Path != "" {
		fields = append(fields, field{name: "token_reviewer_jwt", value: k.Reviewer.Content, file: k.Reviewer.Path, hide: true})
	}
	return fields
}

// clusterConfig returns the config that says which cluster Vault asks whether a token is valid. A
// role on a mount that asks another cluster would be for that cluster's pods.
func (s *Spec) clusterConfig() *object {
	k := s.Kubernetes
	return authConfig(k.Path, &object{hint: refusedCluster, fields: k.config(),
		inspect: func(current map[string]any) (string, error) { return k.inspect(current, s.ReplaceConfig) },
		replacing: replacing{
			allowed: s.ReplaceConfig, check: k.checkReviewer,
			keeps: []string{"kubernetes_ca_cert", "issuer", "disable_iss_validation", "disable_local_ca_jwt",
				"use_annotations_as_alias_metadata", "pem_keys"},
			ignore: []string{"token_reviewer_jwt_set"},
		}})
}

// inspect refuses a config for another cluster. It returns what else differs from the flags.
func (k *Kubernetes) inspect(current map[string]any, replace bool) (string, error) {
	differs := ""
	switch host := asText(current["kubernetes_host"]); {
	case host != k.Host && !k.AnyHost:
		differs = "asks the API server " + terminal.Printable(host) + ", not " + k.Host
	case k.CA.Path != "" && !k.CA.is(current["kubernetes_ca_cert"]):
		differs = "has another CA than " + k.CA.Path
	}
	if differs != "" {
		return "", &vaultkit.Error{Path: authPath(k.Path, "config"), Kind: vaultkit.ErrInvalid,
			Detail: "the auth mount " + k.Path + " " + differs,
			Hint: "check --kubernetes-host and --kubernetes-ca; for another cluster, name another path with " + kubernetesPathFlag +
				"; if the config is wrong or old, give " + replaceConfigFlag + " with --kubernetes-host"}
	}
	switch set, known := current["token_reviewer_jwt_set"].(bool); {
	case k.Reviewer.Path == "" && asText(current["kubernetes_host"]) != k.Host:
		return "it asks the API server " + asText(current["kubernetes_host"]), nil
	case k.Reviewer.Path == "":
		return "", nil
	case known && !set && !replace:
		return "it has no reviewer token; to write this one, give " + replaceConfigFlag, nil
	}
	return "Vault does not show its reviewer token; to write this one, give " + replaceConfigFlag, nil
}

// checkReviewer refuses to write a config without its reviewer token, which Vault would forget.
func (k *Kubernetes) checkReviewer(current map[string]any) error {
	if set, _ := current["token_reviewer_jwt_set"].(bool); !set || k.Reviewer.Path != "" {
		return nil
	}
	return &vaultkit.Error{Path: authPath(k.Path, "config"), Kind: vaultkit.ErrInvalid,
		Detail: "the config has a reviewer token, which Vault does not show and would lose",
		Hint:   "give it, or a new one, with --kubernetes-reviewer-jwt"}
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
		{name: boundNames, value: unique(names)},
		{name: boundNamespaces, value: unique(namespaces)},
		{name: boundSelector, value: ""},
		{name: "audience", value: s.Kubernetes.Audience},
		{name: "alias_name_source", value: "serviceaccount_uid"},
	}, tokenFields(s.name(role), lifetime(role))...)
	o := authRole(KubernetesRole, s.Kubernetes.Path, s.name(role), fields)
	o.replacing = replacing{allowed: s.ReplaceRole, flag: replaceRoleFlag, pathFlag: kubernetesPathFlag,
		otherLogins: func(current map[string]any) string {
			return otherPods(current, map[string][]string{boundNamespaces: namespaces, boundNames: names})
		}}
	return o
}

// The settings that say whose pods a role is for.
const (
	boundNamespaces = "bound_service_account_namespaces"
	boundSelector   = "bound_service_account_namespace_selector"
	boundNames      = "bound_service_account_names"
)

// otherPods says which pods a role lets in, if some of them are not among those that it should let
// in.
func otherPods(current map[string]any, wanted map[string][]string) string {
	namespaces, _ := texts(current[boundNamespaces])
	names, _ := texts(current[boundNames])
	selector := asText(current[boundSelector])
	if selector == "" && !hasOthers(namespaces, wanted[boundNamespaces]) && !hasOthers(names, wanted[boundNames]) {
		return ""
	}
	if selector != "" {
		namespaces = append(namespaces, "the namespaces "+selector)
	}
	return "the pods of " + strings.Join(names, ", ") + " in " + strings.Join(namespaces, ", ")
}

func unique(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

//go:build unix

package main

import (
	"context"
	"os"
	"strings"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// client returns a root client of the script's Vault.
func (s *script) client() *api.Client { return vaulttest.RootAt(s.t, s.address, s.root) }

// as runs the program with another token from here on: one with the generated policy of a
// role, for all providers or those named; for root a root token; for nobody an invalid one.
func (s *script) as(args []string) {
	token := s.root
	switch args[0] {
	case "root":
	case "nobody":
		token = "hvs.nobody"
	default:
		token = vaulttest.TokenAt(s.t, s.client(), s.policy(args[0], args[1:]...))
	}
	s.write("token-of-"+args[0], token)
	s.Setenv("VAULTKIT_TOKEN_FILE", s.MkAbs("token-of-"+args[0]))
}

// policy returns the policy that vaultkit generates for a role.
func (s *script) policy(role string, providers ...string) string {
	options := []policy.Option{policy.AtBasePath(s.base)}
	if len(providers) > 0 {
		options = append(options, policy.OnlyProviders(providers...))
	}
	text, err := policy.ForRole(policy.Role(role), options...)
	s.Check(err)
	return text
}

// write writes a secret to a file of the script.
func (s *script) write(name, secret string) {
	s.secrets = append(s.secrets, secret)
	s.Check(os.WriteFile(s.MkAbs(name), []byte(secret+"\n"), 0o600))
}

// approle creates an AppRole with the policy of a role, and writes the files role-id,
// secret-id and wrapped-secret-id.
func (s *script) approle(args []string) {
	root, name := s.client(), s.base+"-"+args[0]
	path := "auth/approle/role/" + name
	s.Check(root.Sys().PutPolicyWithContext(s.t.Context(), name, s.policy(args[0])))
	s.call(root, path, map[string]any{"token_policies": name, "token_no_default_policy": true})
	id, err := root.Logical().ReadWithContext(s.t.Context(), path+"/role-id")
	s.Check(err)
	s.Check(os.WriteFile(s.MkAbs("role-id"), []byte(id.Data["role_id"].(string)), 0o600))
	s.write("secret-id", s.call(root, path+"/secret-id", nil).Data["secret_id"].(string))
	root.SetWrappingLookupFunc(func(string, string) string { return "5m" })
	s.write("wrapped-secret-id", s.call(root, path+"/secret-id", nil).WrapInfo.Token)
}

func (s *script) call(client *api.Client, path string, data map[string]any) *api.Secret {
	secret, err := client.Logical().WriteWithContext(s.t.Context(), path, data)
	s.Check(err)
	return secret
}

// pod runs the script in a pod of a cluster that Vault trusts, with the login path
// pod-<base> and the API server $POD_CLUSTER, and writes the token of its service account to the file jwt.
func (s *script) pod(args []string) {
	cluster, root, mount := vaulttest.NewCluster(), s.client(), "pod-"+s.base
	s.t.Cleanup(cluster.Close)
	s.Check(root.Sys().PutPolicyWithContext(s.t.Context(), mount, s.policy(args[0])))
	s.Check(root.Sys().EnableAuthWithOptionsWithContext(s.t.Context(), mount, &api.EnableAuthOptions{Type: "kubernetes"}))
	s.call(root, "auth/"+mount+"/config", cluster.Config())
	s.call(root, "auth/"+mount+"/role/"+args[0], cluster.Role(mount))
	s.write("jwt", cluster.JWT(s.base, true))
	s.Setenv("POD_LOGIN", mount)
	s.Setenv("POD_CLUSTER", cluster.URL)
}

// job runs the script in a job of GitHub Actions that Vault trusts, with the login path
// $JOB_LOGIN and the role "job", and writes a JWT of the job to the file id-token.
func (s *script) job(args []string) {
	issuer, claims := vaulttest.NewIssuer(), map[string]any{"repository": "goblin/assistant"}
	s.t.Cleanup(issuer.Close)
	s.Setenv("JOB_LOGIN", issuer.Mount(s.t, s.client(), s.policy(args[0])))
	for name, value := range issuer.Job(claims) {
		s.Setenv(name, value)
	}
	claims["aud"] = "vault"
	s.write("id-token", issuer.Sign(claims))
	s.issuer = issuer
}

// tls puts an HTTPS proxy that requires a client certificate in front of Vault, and writes
// the files ca.pem, client.pem and client-key.pem.
func (s *script) tls([]string) {
	proxy, identity, err := faultproxy.NewTLS(s.address, true)
	s.Check(err)
	s.through(proxy)
	for name, pem := range map[string][]byte{
		"ca.pem": identity.CA, "client.pem": identity.ClientCert, "client-key.pem": identity.ClientKey,
	} {
		s.Check(os.WriteFile(s.MkAbs(name), pem, 0o600))
	}
}

// through connects the program to Vault through a proxy.
func (s *script) through(proxy *faultproxy.Proxy) {
	s.t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			s.t.Errorf("proxy.Close() = %v, want no error", err)
		}
	})
	s.proxy = proxy
	s.Setenv("VAULT_ADDR", proxy.URL())
}

// denied is Vault's response to a request that the policy does not allow.
const denied = `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`

// fault injects a fault into the program's writes to a path with the given part:
// response-lost and disconnected once, the others from here on. Without arguments it
// injects no faults any more.
func (s *script) fault(args []string) {
	s.setRule(nil)
	if len(args) == 0 {
		return
	}
	rule, ok := map[string]faultproxy.Rule{
		"denied":        faultproxy.OnEvery("PUT", args[1], faultproxy.Error(403, denied, false)),
		"no-response":   faultproxy.OnEvery("PUT", args[1], faultproxy.HangApplied()),
		"not-delivered": faultproxy.OnEvery("PUT", args[1], faultproxy.Hang()),
		"response-lost": faultproxy.OnMatch("PUT", args[1], faultproxy.Lose()),
		"disconnected":  faultproxy.OnMatch("PUT", args[1], faultproxy.Refuse()),
	}[args[0]]
	if !ok {
		s.Fatalf("unknown fault %q", args[0])
	}
	s.setRule(rule)
}

// setRule puts a proxy with the rule in front of Vault.
func (s *script) setRule(rule faultproxy.Rule) {
	if s.proxy == nil {
		proxy, err := faultproxy.New(s.address)
		s.Check(err)
		s.through(proxy)
	}
	s.proxy.SetRule(rule)
}

// rival writes a provider's secret just before the program's next write to a provider.
func (s *script) rival(args []string) {
	client := s.client()
	s.setRule(faultproxy.OnMatch("PUT", "/providers/", faultproxy.Before(func() {
		if _, err := client.KVv2(vaulttest.Mount).Put(context.Background(), s.at(args[0]), pairs(args[1:])); err != nil {
			panic(err) // the proxy reports it
		}
	})))
}

// kvput writes an entry below the base path, as another program.
func (s *script) kvput(args []string) {
	_, err := s.client().KVv2(vaulttest.Mount).Put(s.t.Context(), s.at(args[0]), pairs(args[1:]))
	s.Check(err)
}

// kvget prints a field of an entry.
func (s *script) kvget(args []string) {
	secret, err := s.client().KVv2(vaulttest.Mount).Get(s.t.Context(), s.at(args[0]))
	s.Check(err)
	value, _ := secret.Data[args[1]].(string)
	_, err = s.Stdout().Write([]byte(value + "\n"))
	s.Check(err)
}

// kvdelete deletes the current version of an entry; with -destroy it destroys it, with
// -all it deletes the whole entry.
func (s *script) kvdelete(args []string) {
	kv, path := s.client().KVv2(vaulttest.Mount), s.at(args[len(args)-1])
	switch args[0] {
	case "-all":
		s.Check(kv.DeleteMetadata(s.t.Context(), path))
	case "-destroy":
		secret, err := kv.GetMetadata(s.t.Context(), path)
		s.Check(err)
		s.Check(kv.Destroy(s.t.Context(), path, []int{secret.CurrentVersion}))
	default:
		s.Check(kv.Delete(s.t.Context(), path))
	}
}

// kvexpire has Vault delete each later version of an entry after a time.
func (s *script) kvexpire(args []string) {
	path := strings.Join([]string{vaulttest.Mount, "metadata", s.at(args[0])}, "/")
	s.call(s.client(), path, map[string]any{"delete_version_after": args[1]})
}

// at returns the path of an entry below the mount.
func (s *script) at(path string) string { return s.base + "/" + path }

// pairs returns the fields of arguments FIELD=value.
func pairs(args []string) map[string]any {
	data := make(map[string]any, len(args))
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		data[name] = value
	}
	return data
}

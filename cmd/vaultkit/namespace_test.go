package main

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// TestNamespace_IsSentByEveryCommand runs the commands in a nested namespace of an OpenBao. Each
// request names the namespace, but for those of doctor about what only the root namespace has:
// the health, the audit devices and the audited headers.
func TestNamespace_IsSentByEveryCommand(t *testing.T) {
	server := vaulttest.StartOpenBao(t)
	vaulttest.AddNamespace(t, vaulttest.RootOf(t, server), "team/a")
	for name, flags := range map[string][]string{"flag": {"--namespace", "team/a"}, "variable": nil} {
		t.Run(name, func(t *testing.T) {
			if flags == nil {
				t.Setenv("VAULT_NAMESPACE", "team/a")
			}
			proxy := clienttest.NewProxyTo(t, server.Addr())
			flags = append(flags, "--address", proxy.URL(), "--token-file", file(t, server.RootToken()), "--base", name)
			for _, command := range [][]string{
				{"put", "p", "api_key=-"},
				{"get", "p"},
				{"list"},
				{"rotate", "p", "--new-key-stdin"},
				{"status"},
				{"backups", "p"},
				{"history", "p"},
				{"rollback", "p"},
				{"recover", "p"},
				{"env"},
				{"doctor"},
			} {
				proxy.Reset()
				vkBare(t.Context(), t, newKey(), append(command, flags...)...).exits(t, exitcode.OK)
				checkNamespace(t, command, proxy.Log())
			}
		})
	}
}

func checkNamespace(t *testing.T, command []string, log []faultproxy.Request) {
	t.Helper()
	if len(log) == 0 {
		t.Errorf("vaultkit %q sends no request, want some", command)
	}
	for _, r := range log {
		if r.Namespace != "team/a" && r.Path != "sys/health" && r.Path != "sys/audit" && !strings.HasPrefix(r.Path, "sys/config/auditing/") {
			t.Errorf("vaultkit %q: %s %s has the namespace %q, want team/a", command, r.Method, r.Path, r.Namespace)
		}
	}
}

func TestNamespace_ThatDoesNotExist(t *testing.T) {
	server := vaulttest.StartOpenBao(t)
	flags := []string{"--address", server.Addr(), "--token-file", file(t, server.RootToken()), "--namespace", "nowhere"}
	vkBare(t.Context(), t, "", append([]string{"get", "p"}, flags...)...).want(t, exitcode.NotFound,
		`the namespace "nowhere" does not exist`, "--namespace")
	vkBare(t.Context(), t, "", append([]string{"doctor"}, flags...)...).exits(t, exitcode.NotFound)
}

// TestNamespace_OfTheTokenAlone uses a token outside of its namespace: it lacks rights there, and a
// new login would not help.
func TestNamespace_OfTheTokenAlone(t *testing.T) {
	server := vaulttest.StartOpenBao(t)
	inside := vaulttest.AddNamespace(t, vaulttest.RootOf(t, server), "team")
	created, err := inside.Auth().Token().CreateOrphanWithContext(t.Context(), &api.TokenCreateRequest{NoDefaultPolicy: true})
	if err != nil {
		t.Fatal(err)
	}
	flags := []string{"list", "--address", server.Addr(), "--token-file", file(t, created.Auth.ClientToken)}
	vkBare(t.Context(), t, "", flags...).want(t, exitcode.Denied, "permission denied")
}

package vaultkit_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) {
	s := &stage{cluster: vaulttest.NewCluster()}
	vaulttest.MainWith(m, s.setUp, s.tearDown)
}

// stage is what the examples find: the environment of a service, with its
// credentials, and a Vault that holds some providers.
type stage struct {
	cluster *vaulttest.Cluster
	root    *api.Client
	dir     string
}

func (s *stage) setUp(server *devvault.Server) {
	client, err := api.NewClient(&api.Config{Address: server.Addr()})
	vaulttest.Must(err)
	client.SetToken(server.RootToken())
	s.root = client
	for provider, fields := range map[string]map[string]any{
		"openai-gpt4": {"api_key": "fake-openai-key", "organization": "goblin"},
		"anthropic":   {"api_key": "fake-1"}, "mistral": {"api_key": "fake-1"}, "cohere": {"api_key": "fake-1"},
		"groq": {"api_key": "fake-1"}, "local-llama": {"api_key": "demo", "api_secret": "demo"}, "gemini": {"api_key": "fake-1"},
		"deepseek": {"api_key": "fake-1"}, "fireworks": {"api_key": "fake-fireworks-1"}, "perplexity": {"api_key": "fake-1"}, "xai": {"api_key": "fake-1"},
	} {
		s.write("secret/data/goblin-assistant/providers/"+provider, map[string]any{"data": fields})
	}
	policy, err := os.ReadFile("testdata/policies/reader.hcl")
	vaulttest.Must(err)
	vaulttest.Must(s.root.Sys().PutPolicy("goblin-reader", string(policy)))
	s.credentials()
	vaulttest.Must(os.Setenv("VAULT_ADDR", server.Addr()))
	vaulttest.Must(os.Setenv("VAULT_TOKEN", server.RootToken()))
}

// credentials puts what a supervisor would hand to the service into a directory.
func (s *stage) credentials() {
	dir, err := os.MkdirTemp("", "vaultkit-examples-")
	vaulttest.Must(err)
	s.dir = dir
	vaulttest.Must(os.Setenv("CREDENTIALS_DIRECTORY", dir))
	s.write("auth/approle/role/goblin", map[string]any{"token_policies": "goblin-reader"})
	id, err := s.root.Logical().Read("auth/approle/role/goblin/role-id")
	vaulttest.Must(err)
	s.file("role-id", id.Data["role_id"].(string))
	s.file("secret-id", s.write("auth/approle/role/goblin/secret-id", nil).Data["secret_id"].(string))
	s.root.SetWrappingLookupFunc(func(string, string) string { return "1h" })
	s.file("wrapped-secret-id", s.write("auth/approle/role/goblin/secret-id", nil).WrapInfo.Token)
	s.root.SetWrappingLookupFunc(func(string, string) string { return "" })
	s.write("auth/kubernetes/config", s.cluster.Config())
	s.write("auth/kubernetes/role/goblin", s.cluster.Role("goblin-reader"))
	s.file("jwt", s.cluster.JWT("pod", true))
}

func (s *stage) file(name, content string) {
	vaulttest.Must(os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600))
}

func (s *stage) write(path string, data map[string]any) *api.Secret {
	secret, err := s.root.Logical().WriteWithContext(context.Background(), path, data)
	vaulttest.Must(err)
	return secret
}

func (s *stage) tearDown() error {
	s.cluster.Close()
	s.root.CloneConfig().HttpClient.CloseIdleConnections()
	return os.RemoveAll(s.dir)
}

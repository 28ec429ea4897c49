package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) {
	s := &stage{cluster: vaulttest.NewCluster(), issuer: vaulttest.NewIssuer()}
	vaulttest.MainWith(m, s.setUp, s.tearDown)
}

// stage is what the examples find: the environment of a service with its credentials, a Vault
// that holds some providers and two rotations that crashed, and a provider's API.
type stage struct {
	cluster  *vaulttest.Cluster
	issuer   *vaulttest.Issuer
	provider *httptest.Server
	agent    *httptest.Server
	root     *api.Client
	dir      string
}

func (s *stage) setUp(server vaulttest.Vault) {
	client, err := api.NewClient(&api.Config{Address: server.Addr()})
	vaulttest.Must(err)
	client.SetToken(server.RootToken())
	s.root = client
	for _, provider := range []string{"anthropic", "mistral", "cohere", "groq", "gemini", "deepseek", "perplexity", "xai",
		"cerebras", "replicate", "nvidia", "together", "voyage"} {
		s.store(provider, map[string]any{"api_key": "fake-1"})
	}
	s.store("fireworks", map[string]any{"api_key": "fake-fireworks-1"})
	s.store("openai-gpt4", map[string]any{"api_key": "fake-openai-key", "organization": "goblin"})
	s.store("local-llama", map[string]any{"api_key": "demo", "api_secret": "demo"})
	s.store("ollama", map[string]any{"api_key": "demo", "api_secret": "demo"})
	policy, err := os.ReadFile("testdata/policies/reader.hcl")
	vaulttest.Must(err)
	vaulttest.Must(s.root.Sys().PutPolicy("vaultkit-reader", string(policy)))
	s.credentials()
	s.job()
	vaulttest.SetEnvironment(server)
	s.provider = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer fake-openai-key" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	vaulttest.Must(os.Setenv("PROVIDER_URL", s.provider.URL))
	s.startAgent(server)
	s.rotations(server)
}

// rotations leaves a rotation whose program crashed after its commit, one whose program crashed
// before it, and one whose key expires soon.
func (s *stage) rotations(server vaulttest.Vault) {
	proxy, err := faultproxy.New(server.Addr())
	vaulttest.Must(err)
	client, err := vaultkit.New(context.Background(), vaultkit.WithAddress(proxy.URL()),
		vaultkit.WithToken(vaultkit.FromString(server.RootToken())))
	vaulttest.Must(err)
	for provider, crash := range map[string]func(func()) faultproxy.Action{
		"cohere":     faultproxy.Kill,
		"perplexity": func(end func()) faultproxy.Action { return faultproxy.Refuse().Before(end) },
	} {
		ctx, end := context.WithCancel(context.Background())
		proxy.SetRule(clienttest.OnCommit(provider, crash(end)))
		if _, err := client.Rotate(ctx, provider, vaultkit.NewKey("fake-2")); !errors.Is(err, vaultkit.ErrUndetermined) {
			panic(fmt.Sprintf("Rotate of %s = %v, want ErrUndetermined", provider, err))
		}
		end()
	}
	_, err = client.Rotate(context.Background(), "deepseek", vaultkit.NewKey("fake-2"),
		vaultkit.WithExpiresAt(time.Now().AddDate(0, 0, 5)))
	vaulttest.Must(errors.Join(err, client.Close(), proxy.Close()))
}

func (s *stage) store(provider string, fields map[string]any) {
	s.write("secret/data/goblin-assistant/providers/"+provider, map[string]any{"data": fields})
}

// credentials writes the files of a service's credentials into a directory.
func (s *stage) credentials() {
	dir, err := os.MkdirTemp("", "vaultkit-examples-")
	vaulttest.Must(err)
	s.dir = dir
	vaulttest.Must(os.Setenv("CREDENTIALS_DIRECTORY", dir))
	s.write("auth/approle/role/goblin", map[string]any{"token_policies": "vaultkit-reader"})
	id, err := s.root.Logical().Read("auth/approle/role/goblin/role-id")
	vaulttest.Must(err)
	s.file("role-id", id.Data["role_id"].(string))
	s.file("secret-id", s.write("auth/approle/role/goblin/secret-id", nil).Data["secret_id"].(string))
	s.root.SetWrappingLookupFunc(func(string, string) string { return "1h" })
	s.file("wrapped-secret-id", s.write("auth/approle/role/goblin/secret-id", nil).WrapInfo.Token)
	s.root.SetWrappingLookupFunc(func(string, string) string { return "" })
	s.write("auth/kubernetes/config", s.cluster.Config())
	s.write("auth/kubernetes/role/goblin", s.cluster.Role("vaultkit-reader"))
	s.file("jwt", s.cluster.JWT("pod", true))
	reader, err := s.root.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{"vaultkit-reader"}, TTL: "1h"})
	vaulttest.Must(err)
	s.file("reader-token", reader.Auth.ClientToken)
}

// job sets the variables of a job of GitHub Actions and of GitLab.
func (s *stage) job() {
	s.write("sys/auth/jwt", map[string]any{"type": "jwt"})
	s.write("auth/jwt/config", s.issuer.StaticConfig())
	s.write("auth/jwt/role/goblin", map[string]any{
		"role_type": "jwt", "user_claim": "sub", "bound_audiences": "https://vault.example.com", "token_policies": "vaultkit-reader",
	})
	variables := s.issuer.Job(nil)
	variables["VAULT_ID_TOKEN"] = s.issuer.Sign(map[string]any{"aud": "https://vault.example.com"})
	for name, value := range variables {
		vaulttest.Must(os.Setenv(name, value))
	}
}

// startAgent starts what a Vault Agent with auto_auth does for the examples: it adds its token.
func (s *stage) startAgent(server vaulttest.Vault) {
	target, err := url.Parse(server.Addr())
	vaulttest.Must(err)
	s.agent = httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Set(api.AuthHeaderName, server.RootToken())
	}})
	vaulttest.Must(os.Setenv("AGENT_ADDR", s.agent.URL))
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
	s.issuer.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	s.provider.Close()
	s.agent.Close()
	s.root.CloneConfig().HttpClient.CloseIdleConnections()
	return os.RemoveAll(s.dir)
}

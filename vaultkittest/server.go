// Package vaultkittest tests programs that use vaultkit, on a Vault server in the test's own
// process. There is nothing to install, to build or to close:
//
//	func TestMyService(t *testing.T) {
//		vault := vaultkittest.NewServer(t, vaultkittest.WithProvider("openai-gpt4", "fake-old"))
//		service := NewService(vault.Client(t))
//		vault.Rotate("openai-gpt4", "fake-new") // somebody rotates the key
//		// … the service uses fake-new
//	}
//
// The server is a part of Vault's HTTP API over a store in memory: KV version 2, policies,
// tokens, AppRole, response wrapping. It answers as a real Vault does, which vaultkit's own tests
// compare with random requests. A parameter that it does not know is refused by name.
//
// # What a test can do
//
// Store and read as another program would: [Server.PutProvider], [Server.Provider],
// [Server.Rotate]. Move the server's time: [Server.Advance]. See what was sent: [Server.Requests].
// Cause a fault, one call each: [Server.Seal], [Server.Disconnect], [Server.Delay],
// [Server.LoseAnswers], [Server.WriteBeforeCommit], [Server.RevokeTokens], [Server.Deny].
//
// # Clients
//
// [Server.Client] returns a client that needs no socket, so that it also works in a
// testing/synctest bubble. A program that makes its own client finds the server by
// [Server.Setenv], or by [Server.Addr] with [Server.Token] or [Server.AppRole].
//
// No failure message of this package contains a key, but Provider returns keys: compare them in
// your test as you would compare any secret.
package vaultkittest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/memvault"
)

// Server is a Vault for one test. Its methods are safe for concurrent use. Those that cannot
// work fail the test that started the server.
type Server struct {
	t           testing.TB
	vault       *memvault.Server
	wire        *wire
	root        *api.Client      // goes past the faults
	admin       *vaultkit.Client // the same
	mount, base string

	mu     sync.Mutex
	socket *httptest.Server
	denied map[string][]string // capabilities by path
}

// Option configures a server.
type Option func(*config)

type config struct {
	mount, base string
	providers   map[string]vaultkit.ProviderKeys
}

// WithProvider stores a provider's API key before the test begins.
func WithProvider(name, key string) Option {
	return WithProviderKeys(name, vaultkit.ProviderKeys{"api_key": key})
}

// WithProviderKeys stores a provider with several fields before the test begins.
func WithProviderKeys(name string, keys vaultkit.ProviderKeys) Option {
	return func(c *config) { c.providers[name] = keys }
}

// WithMount sets the path of the KV version 2 engine. Default "secret".
func WithMount(path string) Option { return func(c *config) { c.mount = path } }

// WithBasePath sets the path below the mount. Default "goblin-assistant".
func WithBasePath(path string) Option { return func(c *config) { c.base = path } }

// NewServer starts a Vault that lasts until the test ends.
func NewServer(t testing.TB, opts ...Option) *Server {
	t.Helper()
	c := &config{mount: "secret", base: "goblin-assistant", providers: map[string]vaultkit.ProviderKeys{}}
	for _, opt := range opts {
		opt(c)
	}
	s := &Server{t: t, vault: memvault.New(memvault.Options{}), mount: c.mount, base: c.base, denied: map[string][]string{}}
	s.wire = &wire{next: s.vault.Transport(), commits: c.mount + "/data/" + c.base + "/providers/"}
	s.root = s.newRoot()
	s.setUp()
	s.admin = s.client(t, vaultkit.WithToken(vaultkit.FromString(s.vault.RootToken())),
		vaultkit.WithTransport(func(http.RoundTripper) http.RoundTripper { return s.vault.Transport() }))
	for name, keys := range c.providers {
		s.PutProvider(name, keys)
	}
	return s
}

// newRoot returns an official client with the root token, whose requests no fault reaches.
func (s *Server) newRoot() *api.Client {
	s.t.Helper()
	client, err := api.NewClient(&api.Config{Address: s.vault.Addr(), HttpClient: &http.Client{Transport: s.vault.Transport()}})
	s.must("make a client", err)
	client.ClearNamespace()
	client.SetToken(s.vault.RootToken())
	return client
}

// setUp enables what a login needs, and another mount if the test wants one.
func (s *Server) setUp() {
	s.t.Helper()
	if s.mount != "secret" {
		s.must("mount", s.root.Sys().Mount(s.mount, &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}))
	}
	s.writeClientPolicy()
}

// must fails the test if a step did not work.
func (s *Server) must(step string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("vaultkittest: %s: %v", step, err)
	}
}

// Advance moves the server's time forward: tokens, secret ids and expiring versions end. The
// time of the test's own process does not change.
func (s *Server) Advance(d time.Duration) { s.vault.Advance(d) }

// Addr returns the server's URL, for programs that connect by themselves. The first call opens a
// socket on the loopback interface, which does not work in a testing/synctest bubble.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket == nil {
		s.socket = httptest.NewServer(s.wire)
		s.t.Cleanup(s.socket.Close)
	}
	return s.socket.URL
}

// Setenv sets VAULT_ADDR, VAULT_TOKEN and the paths for the rest of the test, so that
// vaultkit.Default and vaultkit.WithEnvironment find the server.
func (s *Server) Setenv(t testing.TB) {
	t.Helper()
	t.Setenv("VAULT_ADDR", s.Addr())
	t.Setenv("VAULT_TOKEN", s.clientToken(t))
	t.Setenv("VAULTKIT_MOUNT", s.mount)
	t.Setenv("VAULTKIT_BASE", s.base)
}

// RootToken returns a token that may do everything.
func (s *Server) RootToken() string { return s.vault.RootToken() }

// String names the server without its secrets.
func (s *Server) String() string { return "vaultkittest.Server" }

// GoString is String: the server holds credentials.
func (s *Server) GoString() string { return s.String() }

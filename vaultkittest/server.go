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
// tokens, AppRole, JWT by static keys, response wrapping. vaultkit's own tests send random requests
// to it and to a real Vault, and compare the responses. A parameter that Vault knows and it does
// not is refused by name.
//
// # What a test can do
//
// Store and read as another program would: [Server.PutProvider], [Server.Provider],
// [Server.DeleteProvider], [Server.Rotate]. Move the server's time: [Server.Advance]. See what was
// sent: [Server.Requests].
// Cause a fault, one call each: [Server.Seal], [Server.Disconnect], [Server.DisconnectAfter],
// [Server.Delay], [Server.LoseAnswers], [Server.WriteBeforeCommit], [Server.RevokeTokens],
// [Server.Deny] and [Server.Allow].
//
// # Clients
//
// [Server.Client] returns a client that needs no socket, so that it also works in a
// testing/synctest bubble. Make the server inside the bubble. A program that makes its own client
// finds the server by [Server.Options], by [Server.Setenv], or by [Server.Addr] with
// [Server.Token] or [Server.AppRole].
//
// No failure message of this package contains a key, but Provider returns keys: compare them in
// your test as you would compare any secret.
package vaultkittest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/apiclient"
	"goblin/vaultkit/internal/memvault"
)

// Server is a Vault for one test. Its methods are safe for concurrent use. Those that cannot
// work fail the test that started the server.
type Server struct {
	t           testing.TB
	vault       *memvault.Server
	wire        *wire
	root        *api.Client // its requests pass by the faults
	mount, base string

	mu     sync.Mutex
	socket *httptest.Server
	denied map[string][]string // capabilities by path
}

// background is the context of the kit's own requests, which end by themselves. A test's context
// must not be used first inside a bubble and then outside.
var background = context.Background()

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
	t.Cleanup(func() { s.must("stop", s.vault.Close()) })
	s.wire = &wire{vault: s.vault, base: c.mount + "/data/" + c.base + "/"}
	s.root = s.newRoot()
	s.setUp()
	for name, keys := range c.providers {
		s.PutProvider(name, keys)
	}
	return s
}

// newRoot returns an official client with the root token, whose requests no fault reaches. It
// reads nothing from the environment.
func (s *Server) newRoot() *api.Client {
	s.t.Helper()
	client, _, err := apiclient.New(apiclient.Settings{
		Address: s.vault.Addr(), Wrap: func(http.RoundTripper) http.RoundTripper { return s.pastFaults() },
	})
	s.must("make a client", err)
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

// Advance moves the server's time forward by d: tokens, secret ids and expiring versions end.
// The tokens of [Server.Client] and [Server.Token] last 32 days. The time of the test's own
// process does not change, so a client's cache gets no older.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	if d < 0 {
		s.t.Fatalf("vaultkittest: Advance(%v): the server's time moves forward only", d)
	}
	s.vault.Advance(d)
}

// Addr returns the server's URL, for programs that connect by themselves. The first call opens a
// socket on the loopback interface. In a testing/synctest bubble, a socket does not work: Addr
// fails the test.
func (s *Server) Addr() string {
	s.t.Helper()
	if inBubble() {
		s.t.Fatalf("vaultkittest: Addr: a socket does not work in a testing/synctest bubble; use Client or Options")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket == nil {
		s.socket = httptest.NewServer(s.wire)
		s.t.Cleanup(s.socket.Close)
	}
	return s.socket.URL
}

// Setenv sets VAULT_ADDR, VAULT_TOKEN and the paths for the rest of the test, and clears all other
// variables whose names begin with VAULT_ or VAULTKIT_, so that
// vaultkit.Default and vaultkit.WithEnvironment find the server. The client of Default is closed
// when the test ends.
func (s *Server) Setenv(t testing.TB) {
	t.Helper()
	for _, variable := range os.Environ() { // a developer's own settings
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "VAULT_") || strings.HasPrefix(name, "VAULTKIT_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("VAULT_ADDR", s.Addr())
	t.Setenv("VAULT_TOKEN", s.clientToken(t))
	t.Setenv("VAULTKIT_MOUNT", s.mount)
	t.Setenv("VAULTKIT_BASE", s.base)
	t.Cleanup(func() { // the next test's Default is a client of its own server
		if client, err := vaultkit.Default(context.Background()); err == nil {
			_ = client.Close()
		}
	})
}

// RootToken returns a token that may do everything.
func (s *Server) RootToken() string { return s.vault.RootToken() }

// String names the server without its secrets.
func (s *Server) String() string { return "vaultkittest.Server" }

// GoString is String: the server holds credentials.
func (s *Server) GoString() string { return s.String() }

// Format prints String for every verb.
func (s *Server) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

package vaultkittest

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/settings"
)

// refreshEvery is how often a client looks for new secrets. Tests do not want to wait, and the
// server is in the same process.
const refreshEvery = 20 * time.Millisecond

// Client returns a client of the server, closed when the test t ends. It may do everything with
// the providers, except what [Server.Deny] took away. Options may replace its login.
//
// It looks for new secrets every 20 ms, with or without a cache, and retries after milliseconds. A
// read and the start give up after 2 seconds without Vault, and a write after 10, unless
// WithTimeouts says otherwise. In a testing/synctest bubble, where waiting takes no time, the
// options' own times and vaultkit's defaults apply.
func (s *Server) Client(t testing.TB, opts ...vaultkit.Option) *vaultkit.Client {
	t.Helper()
	client, err := vaultkit.New(t.Context(), s.Options(t, opts...)...)
	if err != nil {
		t.Fatalf("vaultkittest: make a client: %v", err)
	}
	t.Cleanup(func() { _ = client.Close() }) // fails if the test has disconnected the server
	return client
}

// Options returns the options of [Server.Client], for a program that calls vaultkit.New itself, or
// a test of an error of New.
func (s *Server) Options(t testing.TB, opts ...vaultkit.Option) []vaultkit.Option {
	t.Helper()
	return append(append(s.connect(s.clientToken(t)), opts...), s.wired, quick)
}

// connect returns the options that lead to the providers, with a token.
func (s *Server) connect(token string) []vaultkit.Option {
	return []vaultkit.Option{
		vaultkit.WithAddress(s.vault.Addr()), vaultkit.WithMount(s.mount), vaultkit.WithBasePath(s.base),
		vaultkit.WithToken(vaultkit.FromString(token)),
	}
}

// wired leads a client's requests to the server. A transport of the program's own wraps the way
// there.
func (s *Server) wired(c *settings.Settings) {
	wrap := c.Wrap
	c.Wrap = func(http.RoundTripper) http.RoundTripper {
		if wrap == nil {
			return s.wire
		}
		return wrap(s.wire)
	}
}

// quick makes a client look for new secrets often, retry soon and give up soon.
func quick(s *settings.Settings) {
	if inBubble() {
		return
	}
	s.RefreshEvery = refreshEvery
	t := &s.Timeouts
	t.Start, t.Read, t.Write = cmp.Or(t.Start, 2*time.Second), cmp.Or(t.Read, 2*time.Second), cmp.Or(t.Write, 10*time.Second)
	s.Backoff = backoff.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond}
}

// Token returns a token with a policy, in Vault's policy language, and without the default
// policy. The policies of vaultkit's roles are in package policy.
func (s *Server) Token(t testing.TB, policy string) string {
	t.Helper()
	return s.token(t, s.newPolicy(t, policy))
}

// clientToken returns a token of the clients' policy.
func (s *Server) clientToken(t testing.TB) string {
	t.Helper()
	return s.token(t, clientPolicy)
}

func (s *Server) token(t testing.TB, policy string) string {
	t.Helper()
	secret, err := s.root.Auth().Token().CreateOrphanWithContext(t.Context(), &api.TokenCreateRequest{
		Policies: []string{policy}, NoDefaultPolicy: true, TTL: "768h", // the most that Vault gives by default
	})
	if err != nil {
		t.Fatalf("vaultkittest: create a token: %v", err)
	}
	return secret.Auth.ClientToken
}

// AppRole returns the credentials of an AppRole with a policy. A client that logs in with them
// logs in again after [Server.RevokeTokens].
func (s *Server) AppRole(t testing.TB, policy string) vaultkit.AppRole {
	t.Helper()
	name := s.newPolicy(t, policy)
	role := "auth/approle/role/" + name
	write := func(path string, data map[string]any) map[string]any {
		secret, err := s.root.Logical().WriteWithContext(t.Context(), path, data)
		if err != nil {
			t.Fatalf("vaultkittest: set up an AppRole: %v", err)
		}
		if secret == nil {
			return nil
		}
		return secret.Data
	}
	write(role, map[string]any{"token_policies": name, "token_ttl": "24h", "token_no_default_policy": true})
	id, err := s.root.Logical().ReadWithContext(t.Context(), role+"/role-id")
	if err != nil {
		t.Fatalf("vaultkittest: read a role id: %v", err)
	}
	secretID := write(role+"/secret-id", nil)["secret_id"]
	return vaultkit.AppRole{
		RoleID:   vaultkit.FromString(id.Data["role_id"].(string)),
		SecretID: vaultkit.FromString(secretID.(string)),
	}
}

// newPolicy stores a policy and returns its name.
func (s *Server) newPolicy(t testing.TB, text string) string {
	t.Helper()
	name := "vaultkittest-" + strings.ToLower(rand.Text())
	if err := s.root.Sys().PutPolicyWithContext(t.Context(), name, text); err != nil {
		t.Fatalf("vaultkittest: store a policy: %v", err)
	}
	return name
}

// inBubble reports whether the test runs in a testing/synctest bubble, whose clock starts in the
// year 2000.
func inBubble() bool { return time.Now().Year() < 2020 }

package vaulttest

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// Issuer signs JWTs as the OIDC provider of a CI system does, and publishes its key: as PEM, as
// a JWKS, and by OIDC discovery. It is also GitHub's endpoint where a job gets its identity token.
type Issuer struct {
	*httptest.Server

	mu     sync.Mutex
	signer Signer
	jobs   map[string]map[string]any // claims by the job's bearer token
	signed []string
}

// DefaultAudience is the audience of a job's identity token if the job names none.
const DefaultAudience = "https://github.example/goblin"

// NewIssuer starts an issuer on loopback. Call Close in the end.
func NewIssuer() *Issuer {
	i := &Issuer{jobs: map[string]map[string]any{}}
	i.RotateKey()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /jwks", i.keys)
	mux.HandleFunc("GET /token", i.token)
	i.Server = httptest.NewServer(mux)
	return i
}

// RotateKey replaces the key. The issuer no longer publishes the old one.
func (i *Issuer) RotateKey() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signer = NewSigner("ES256")
	i.signer.KeyID = rand.Text()
}

// StaticConfig returns the settings of a JWT auth mount that holds the issuer's present key.
func (i *Issuer) StaticConfig() map[string]any {
	i.mu.Lock()
	defer i.mu.Unlock()
	return map[string]any{"jwt_validation_pubkeys": i.signer.PublicKey(), "bound_issuer": i.URL}
}

// JWKSConfig returns the settings of a JWT auth mount that gets the issuer's keys.
func (i *Issuer) JWKSConfig() map[string]any {
	return map[string]any{"jwks_url": i.URL + "/jwks", "bound_issuer": i.URL}
}

// DiscoveryConfig returns the settings of a JWT auth mount that finds the issuer's keys by OIDC
// discovery, as for GitHub and GitLab.
func (i *Issuer) DiscoveryConfig() map[string]any {
	return map[string]any{"oidc_discovery_url": i.URL, "bound_issuer": i.URL}
}

// Mount enables Vault's JWT auth method with the issuer's key, and the role "job" with a policy
// (HCL). The role accepts JWTs with the audience "vault". Mount returns the path below auth/.
func (i *Issuer) Mount(t testing.TB, root *api.Client, policy string) string {
	t.Helper()
	name := Name(t)
	for _, write := range []struct {
		path string
		data map[string]any
	}{
		{"sys/policies/acl/" + name, map[string]any{"policy": policy}},
		{"sys/auth/" + name, map[string]any{"type": "jwt"}},
		{"auth/" + name + "/config", i.StaticConfig()},
		{"auth/" + name + "/role/job", map[string]any{
			"role_type": "jwt", "user_claim": "sub", "bound_audiences": "vault",
			"token_policies": name, "token_no_default_policy": true, "token_ttl": "10m",
		}},
	} {
		if _, err := root.Logical().WriteWithContext(t.Context(), write.path, write.data); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// Sign returns a JWT of the issuer that is valid for five minutes. The claims replace those that
// it has anyway. A claim of nil is left out.
func (i *Issuer) Sign(claims map[string]any) string {
	now := time.Now()
	all := map[string]any{
		"iss": i.URL, "sub": "a job", "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	i.mu.Lock()
	defer i.mu.Unlock()
	token := i.signer.Sign(all)
	i.signed = append(i.signed, token)
	return token
}

// Job returns the variables that GitHub sets in a job with these claims and the permission
// id-token: write.
func (i *Issuer) Job(claims map[string]any) map[string]string {
	bearer := "fake-request-token-" + rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.jobs[bearer] = claims
	return map[string]string{
		"ACTIONS_ID_TOKEN_REQUEST_URL":   i.URL + "/token?api-version=2.0",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer,
	}
}

// Signed returns the JWTs signed so far.
func (i *Issuer) Signed() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.signed)
}

// Secrets returns the JWTs and the jobs' bearer tokens so far.
func (i *Issuer) Secrets() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append(slices.Collect(maps.Keys(i.jobs)), i.signed...)
}

func (i *Issuer) discovery(answer http.ResponseWriter, _ *http.Request) {
	respond(answer, map[string]any{
		"issuer": i.URL, "jwks_uri": i.URL + "/jwks", "authorization_endpoint": i.URL + "/none", "token_endpoint": i.URL + "/none",
		"id_token_signing_alg_values_supported": []string{"ES256"}, "response_types_supported": []string{"id_token"},
	})
}

func (i *Issuer) keys(answer http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	respond(answer, map[string]any{"keys": []any{i.signer.jwk()}})
}

// token answers a job's request for its identity token.
func (i *Issuer) token(answer http.ResponseWriter, r *http.Request) {
	scheme, bearer, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	i.mu.Lock()
	claims, known := i.jobs[bearer]
	i.mu.Unlock()
	query := r.URL.Query()
	if !known || !strings.EqualFold(scheme, "bearer") || query.Get("api-version") != "2.0" {
		http.Error(answer, "unknown job", http.StatusUnauthorized)
		return
	}
	all := map[string]any{}
	maps.Copy(all, claims)
	all["aud"] = DefaultAudience
	if query.Has("audience") {
		all["aud"] = query.Get("audience")
	}
	respond(answer, map[string]any{"count": 1, "value": i.Sign(all)})
}

func respond(answer http.ResponseWriter, body any) {
	answer.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(answer).Encode(body)
}

package pipelinetest

import (
	"crypto/rand"
	"crypto/rsa"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// issuer identifies jobs: it is the OIDC provider of GitHub Actions or GitLab, and the endpoint
// where a GitHub job requests its token.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu     sync.Mutex
	jobs   map[string]map[string]any // claims by request token
	signed []string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, jobs: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /jwks", i.keys)
	mux.HandleFunc("GET /token", i.token)
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) discovery(answer http.ResponseWriter, _ *http.Request) {
	respond(answer, http.StatusOK, map[string]any{
		"issuer": i.URL, "jwks_uri": i.URL + "/jwks", "authorization_endpoint": i.URL + "/none", "token_endpoint": i.URL + "/none",
		"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"id_token"},
	})
}

func (i *issuer) keys(answer http.ResponseWriter, _ *http.Request) {
	public := jose.JSONWebKey{Key: i.key.Public(), KeyID: "one", Algorithm: "RS256", Use: "sig"}
	respond(answer, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
}

// admit returns the token with which a job of these claims requests its identity token.
func (i *issuer) admit(claims map[string]any) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	token := "canary-request-" + rand.Text()
	i.jobs[token] = claims
	return token
}

// token answers a job's request for its identity token.
func (i *issuer) token(answer http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	claims, known := i.jobs[trimBearer(r.Header.Get("Authorization"))]
	i.mu.Unlock()
	audience := r.URL.Query().Get("audience")
	if !known || audience == "" || r.URL.Query().Get("api-version") != "2.0" {
		http.Error(answer, "who are you?", http.StatusUnauthorized)
		return
	}
	respond(answer, http.StatusOK, map[string]any{"count": 1, "value": i.sign(audience, claims)})
}

func trimBearer(header string) string {
	const scheme = "bearer "
	return header[min(len(scheme), len(header)):]
}

// sign returns an identity token.
func (i *issuer) sign(audience string, claims map[string]any) string {
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "one")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: i.key}, options)
	if err != nil {
		panic(err)
	}
	all := maps.Clone(claims)
	all["iss"], all["aud"], all["sub"] = i.URL, audience, "a job"
	all["iat"], all["nbf"], all["exp"] = time.Now().Unix(), time.Now().Unix(), time.Now().Add(5*time.Minute).Unix()
	token, err := jwt.Signed(signer).Claims(all).Serialize()
	if err != nil {
		panic(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signed = append(i.signed, token)
	return token
}

// identities are the tokens signed so far.
func (i *issuer) identities() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.signed)
}

// secrets are all tokens so far.
func (i *issuer) secrets() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append(slices.Collect(maps.Keys(i.jobs)), i.signed...)
}

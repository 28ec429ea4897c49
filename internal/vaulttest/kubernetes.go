package vaulttest

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"goblin/vaultkit/internal/memvault/kubernetes"
)

// Cluster is a Kubernetes API server with only the TokenReview endpoint, over TLS. Vault's
// real Kubernetes auth method uses it to check JWTs.
type Cluster struct {
	*httptest.Server
	signer Signer

	mu       sync.Mutex
	valid    map[string]string // the account's user name for each JWT
	reviewed []string
}

// NewCluster starts a cluster. Call Close in the end.
func NewCluster() *Cluster {
	k := &Cluster{signer: NewSigner("ES256"), valid: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/tokenreviews", k.review)
	k.Server = httptest.NewTLSServer(mux)
	return k
}

func (k *Cluster) review(answer http.ResponseWriter, r *http.Request) {
	var asked struct{ Spec struct{ Token string } }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reviewed = append(k.reviewed, asked.Spec.Token)
	username, known := k.valid[asked.Spec.Token]
	status := map[string]any{
		"authenticated": known,
		"audiences":     []string{"vault"},
		"user":          map[string]any{"username": username, "uid": "fake-uid"},
	}
	answer.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(answer).Encode(map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status,
	})
}

// Reviewed returns the JWTs that Vault asked about, in order.
func (k *Cluster) Reviewed() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.reviewed)
}

// Config returns the settings of an auth mount that uses this cluster.
func (k *Cluster) Config() map[string]any {
	return map[string]any{
		"kubernetes_host":      k.URL,
		"kubernetes_ca_cert":   string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate().Raw})),
		"disable_local_ca_jwt": true,
	}
}

// Role returns a role of the auth mount that accepts the cluster's JWTs.
func (*Cluster) Role(policy string) map[string]any {
	return map[string]any{
		"bound_service_account_names": "fake-sa", "bound_service_account_namespaces": "fake-ns",
		"audience": "vault", "token_policies": policy, "token_ttl": "1h",
	}
}

// JWT returns a JWT of the account that Role accepts. The id makes it unique. known says
// whether the cluster accepts it.
func (k *Cluster) JWT(id string, known bool) string {
	token := k.sign("fake-ns", "fake-sa", id)
	if known {
		k.addToken(server, token, "fake-ns", "fake-sa")
	}
	return token
}

// JWTOf returns a JWT of any service account, which the cluster accepts.
func (k *Cluster) JWTOf(namespace, account string) string { return k.JWTAt(server, namespace, account) }

// JWTAt is JWTOf for another server than the package's.
func (k *Cluster) JWTAt(at Vault, namespace, account string) string {
	token := k.sign(namespace, account, rand.Text())
	k.addToken(at, token, namespace, account)
	return token
}

func (k *Cluster) addToken(at Vault, token, namespace, account string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.valid[token] = "system:serviceaccount:" + namespace + ":" + account
	if s, ok := at.(inMemory); ok { // which asks no cluster
		s.SetServiceAccount(token, kubernetes.Account{Namespace: namespace, Name: account, UID: "fake-uid"})
	}
}

func (k *Cluster) sign(namespace, account, id string) string {
	return k.signer.Sign(map[string]any{
		"iss": "https://fake.invalid", "aud": []string{"vault"}, "jti": id,
		"sub": "system:serviceaccount:" + namespace + ":" + account,
		"iat": time.Now().Unix(), "nbf": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{
			"namespace":      namespace,
			"serviceaccount": map[string]any{"name": account, "uid": "fake-uid"},
		},
	})
}

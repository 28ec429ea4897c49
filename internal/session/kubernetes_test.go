package session_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// cluster is the part of a Kubernetes API server that Vault asks about a JWT.
type cluster struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu       sync.Mutex
	valid    map[string]bool
	reviewed []string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := &cluster{key: key, valid: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/tokenreviews", k.review)
	k.Server = httptest.NewTLSServer(mux)
	t.Cleanup(k.Close)
	return k
}

func (k *cluster) review(answer http.ResponseWriter, r *http.Request) {
	var asked struct{ Spec struct{ Token string } }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reviewed = append(k.reviewed, asked.Spec.Token)
	status := map[string]any{
		"authenticated": k.valid[asked.Spec.Token],
		"audiences":     []string{"vault"},
		"user":          map[string]any{"username": "system:serviceaccount:fake-ns:fake-sa", "uid": "fake-uid"},
	}
	answer.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(answer).Encode(map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status,
	})
}

// jwt is a service account's token, distinct by its id.
func (k *cluster) jwt(t *testing.T, id string, valid bool) string {
	t.Helper()
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(map[string]any{"alg": "ES256", "typ": "JWT"}) + "." + part(map[string]any{
		"iss": "https://fake.invalid", "aud": []string{"vault"}, "jti": id,
		"sub": "system:serviceaccount:fake-ns:fake-sa",
		"iat": time.Now().Unix(), "nbf": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{
			"namespace":      "fake-ns",
			"serviceaccount": map[string]any{"name": "fake-sa", "uid": "fake-uid"},
		},
	})
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, k.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	token := signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.valid[token] = valid
	return token
}

// kubernetes mounts the auth method against the cluster.
func (w *world) kubernetes(k *cluster) (mount string) {
	w.Helper()
	mount = "kubernetes-" + w.mount
	w.put("sys/auth/"+mount, map[string]any{"type": "kubernetes"})
	w.put("auth/"+mount+"/config", map[string]any{
		"kubernetes_host":      k.URL,
		"kubernetes_ca_cert":   string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate().Raw})),
		"disable_local_ca_jwt": true,
	})
	w.put("auth/"+mount+"/role/app", map[string]any{
		"bound_service_account_names": "fake-sa", "bound_service_account_namespaces": "fake-ns",
		"audience": "vault", "token_policies": "session-probe", "token_ttl": "1h",
	})
	return mount
}

func TestKubernetesReadsTheJWTAgain(t *testing.T) {
	w := newWorld(t)
	k := newCluster(t)
	mount := w.kubernetes(k)
	first, second := w.secret(k.jwt(t, "first", true)), w.secret(k.jwt(t, "second", true))
	path := w.file(first + "\n")
	s := w.mustOpen(session.Kubernetes(mount, "app", path))
	w.mustDo(s)
	w.write(path, second)
	w.revoke(s)
	w.mustDo(s)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.reviewed) != 2 || k.reviewed[0] != first || k.reviewed[1] != second {
		t.Errorf("Vault was shown %d JWTs, want the first and then the second", len(k.reviewed))
	}
}

func TestKubernetesRefused(t *testing.T) {
	w := newWorld(t)
	k := newCluster(t)
	mount := w.kubernetes(k)
	good := w.file(w.secret(k.jwt(t, "good", true)))
	unknown := w.file(w.secret(k.jwt(t, "unknown", false)))
	missing := filepath.Join(t.TempDir(), "missing")
	for name, test := range map[string]struct {
		by   session.Method
		kind error
	}{
		"unknown JWT":  {session.Kubernetes(mount, "app", unknown), vaulterr.ErrUnauthenticated},
		"unknown role": {session.Kubernetes(mount, "fake-role", good), vaulterr.ErrUnauthenticated},
		"not a JWT":    {session.Kubernetes(mount, "app", w.file("fake")), vaulterr.ErrUnauthenticated},
		"no role":      {session.Kubernetes(mount, "", good), vaulterr.ErrInvalid},
		"missing file": {session.Kubernetes(mount, "app", missing), vaulterr.ErrInvalid},
		"empty file":   {session.Kubernetes(mount, "app", w.file("\n")), vaulterr.ErrInvalid},
		"not in a pod": {session.Kubernetes("", "app", ""), vaulterr.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if err := w.refused(test.by, test.kind); time.Since(start) > 3*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
	}
}

func TestKubernetesFileGoneLater(t *testing.T) {
	w := newWorld(t)
	k := newCluster(t)
	mount := w.kubernetes(k)
	path := w.file(w.secret(k.jwt(t, "first", true)))
	s := w.mustOpen(session.Kubernetes(mount, "app", path))
	w.revoke(s)
	w.write(path, "")
	err := w.do(s)
	if !errors.Is(err, vaulterr.ErrUnauthenticated) || !errors.Is(err, vaulterr.ErrInvalid) || !strings.Contains(err.Error(), path) {
		t.Errorf("Do = %v", err)
	}
}

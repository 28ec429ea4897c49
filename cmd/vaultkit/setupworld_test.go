package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/memvault/kubernetes"
	"goblin/vaultkit/internal/vaulttest"
)

// setupWorld is an empty Vault for a test of setup, behind a proxy that notes the requests, and
// the cluster and the issuer that its logins are for.
type setupWorld struct {
	server  vaulttest.Vault
	root    *api.Client
	proxy   *faultproxy.Proxy
	flags   []string // for the connection, with a root token
	cluster *vaulttest.Cluster
	ca      string // file of the cluster's CA
	issuer  *tokenIssuer
	key     string // file of the issuer's public key
}

func newSetupWorld(t *testing.T) *setupWorld {
	t.Helper()
	server := vaulttest.Start(t)
	proxy, err := faultproxy.New(server.Addr())
	if err != nil {
		t.Fatalf("faultproxy.New() = %v, want no error", err)
	}
	w := &setupWorld{server: server, root: vaulttest.RootOf(t, server), proxy: proxy,
		cluster: vaulttest.NewCluster(), issuer: newTokenIssuer(t)}
	t.Cleanup(w.cluster.Close)
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Errorf("proxy.Close() = %v, want no error", err)
		}
	})
	w.flags = []string{"--address", proxy.URL(), "--token-file", file(t, server.RootToken())}
	w.ca, w.key = file(t, w.cluster.Config()["kubernetes_ca_cert"].(string)), file(t, w.issuer.publicKey(t))
	for _, method := range []string{"approle", "kubernetes"} { // which the tests' servers have from the start
		if err := w.root.Sys().DisableAuthWithContext(t.Context(), method); err != nil {
			t.Fatalf("DisableAuthWithContext(%s) = %v, want no error", method, err)
		}
	}
	if err := w.root.Sys().UnmountWithContext(t.Context(), "secret"); err != nil {
		t.Fatalf("UnmountWithContext = %v, want no error", err)
	}
	if _, err := w.root.Logical().DeleteWithContext(t.Context(), headerPath); err != nil {
		t.Fatalf("DeleteWithContext(%s) = %v, want no error", headerPath, err)
	}
	return w
}

const headerPath = "sys/config/auditing/request-headers/X-Correlation-Id"

// everything are flags that make one of each kind of login.
func (w *setupWorld) everything() []string {
	return slices.Concat(strings.Fields("--approle rotator --approle reader"), w.pods("reader=fake-ns/fake-sa"), w.github())
}

func (w *setupWorld) pods(accounts ...string) []string {
	args := []string{"--kubernetes-host", w.cluster.URL, "--kubernetes-ca", w.ca}
	for _, one := range accounts {
		args = append(args, "--kubernetes", one)
	}
	return args
}

// github are the flags for the jobs of GitHub. Vault has the issuer's key and need not reach it.
func (w *setupWorld) github() []string {
	return []string{"--github", "goblin/assistant", "--github-id", "1001", "--github-issuer", issuerURL, "--issuer-key", w.key}
}

// podToken returns the token of a service account.
func (w *setupWorld) podToken(namespace, name string) string {
	token := w.cluster.JWTOf(namespace, name)
	type inMemory interface { // which asks no cluster
		SetServiceAccount(jwt string, account kubernetes.Account)
	}
	if server, ok := w.server.(inMemory); ok {
		server.SetServiceAccount(token, kubernetes.Account{Namespace: namespace, Name: name, UID: "fake-uid"})
	}
	return token
}

// setup runs setup with a root token.
func (w *setupWorld) setup(t testing.TB, args ...string) result {
	t.Helper()
	w.proxy.Reset()
	return vkBare(t.Context(), t, "", slices.Concat([]string{"setup"}, args, w.flags)...)
}

// writes are the requests since the last call of setup that may change something.
func (w *setupWorld) writes() (paths []string) {
	for _, r := range w.proxy.Log() {
		if r.Method != http.MethodGet && r.Method != "LIST" && r.Path != "sys/capabilities-self" {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

// state returns everything that setup may change, as JSON by path.
func (w *setupWorld) state(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, path := range []string{"sys/mounts", "sys/auth", "sys/config/auditing/request-headers"} {
		w.addState(t, path, found)
	}
	policies, err := w.root.Sys().ListPoliciesWithContext(t.Context())
	if err != nil {
		t.Fatalf("ListPoliciesWithContext = %v, want no error", err)
	}
	for _, name := range policies {
		w.addState(t, "sys/policies/acl/"+name, found)
	}
	mounts, err := w.root.Sys().ListAuthWithContext(t.Context())
	if err != nil {
		t.Fatalf("ListAuthWithContext = %v, want no error", err)
	}
	for _, mount := range slices.Sorted(maps.Keys(mounts)) {
		if mount != "token/" {
			w.addMethod(t, "auth/"+mount, mounts[mount].Type, found)
		}
	}
	return found
}

// addMethod adds the config, the roles and the secret ids of an auth mount.
func (w *setupWorld) addMethod(t testing.TB, path, kind string, found map[string]string) {
	t.Helper()
	if kind != "approle" {
		w.addState(t, path+"config", found)
	}
	for _, role := range w.list(t, path+"role") {
		w.addState(t, path+"role/"+role, found)
		if kind == "approle" {
			w.addState(t, path+"role/"+role+"/role-id", found)
			found[path+"role/"+role+"/secret-id"] = strings.Join(slices.Sorted(slices.Values(w.list(t, path+"role/"+role+"/secret-id"))), " ")
		}
	}
}

func (w *setupWorld) list(t testing.TB, path string) (keys []string) {
	t.Helper()
	secret, err := w.root.Logical().ListWithContext(t.Context(), path)
	if err != nil {
		t.Fatalf("ListWithContext(%s) = %v, want no error", path, err)
	}
	if secret != nil {
		for _, key := range secret.Data["keys"].([]any) {
			keys = append(keys, key.(string))
		}
	}
	return keys
}

func (w *setupWorld) addState(t testing.TB, path string, found map[string]string) {
	t.Helper()
	if data := w.read(t, path); data != nil {
		text, err := json.Marshal(data)
		if err != nil {
			t.Fatalf("json.Marshal(%s) = %v, want no error", path, err)
		}
		found[path] = string(text)
	}
}

// read returns what is at a path, or nil.
func (w *setupWorld) read(t testing.TB, path string) map[string]any {
	t.Helper()
	secret, err := w.root.Logical().ReadWithContext(t.Context(), path)
	if err != nil {
		t.Fatalf("ReadWithContext(%s) = %v, want no error", path, err)
	}
	if secret == nil {
		return nil
	}
	return secret.Data
}

// write writes to a path, as another administrator.
func (w *setupWorld) write(t testing.TB, path string, data map[string]any) {
	t.Helper()
	if _, err := w.root.Logical().WriteWithContext(t.Context(), path, data); err != nil {
		t.Fatalf("WriteWithContext(%s) = %v, want no error", path, err)
	}
}

// sameState fails the test unless both states are the same.
func sameState(t testing.TB, what string, got, want map[string]string) {
	t.Helper()
	paths := maps.Clone(want)
	maps.Copy(paths, got)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if got[path] != want[path] {
			t.Errorf("%s: %s = %s, want %s", what, path, got[path], want[path])
		}
	}
}

// now returns the server's time.
func (w *setupWorld) now(t testing.TB) time.Time {
	t.Helper()
	health, err := w.root.Sys().HealthWithContext(t.Context())
	if err != nil {
		t.Fatalf("HealthWithContext = %v, want no error", err)
	}
	return time.Unix(health.ServerTimeUTC, 0)
}

// readAll returns what is in a file.
func readAll(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("os.ReadFile = %v, want no error", err)
	}
	return string(text)
}

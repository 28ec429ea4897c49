package memvault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/memvault"
	"goblin/vaultkit/internal/realvault"
	"goblin/vaultkit/internal/vaulttest"
)

// fixture is a request, and what OpenBao answers. testdata/openbao.json has them, as OpenBao 2.6.2
// answered.
type fixture struct {
	Name, Method, Path string
	Token              string // default: root; see openBao.tokens
	Namespace          string
	Body, ContentType  string
	Strings            int // the body is a list of this many paths

	Status           int
	Errors           []string // exactly these
	Members, Without []string // paths of members that the answer has, and of others that it does not
	Values           map[string]any
	SameOnVault      bool   // Vault answers the same
	UnlessSet        string // the setting of OpenBao's configuration with which it answers otherwise; the real one here has it
}

func fixtures(t *testing.T) (all []fixture) {
	t.Helper()
	text, err := os.ReadFile("testdata/openbao.json")
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// server is a server to try the fixtures at.
type server struct {
	address   string
	transport http.RoundTripper
	tokens    map[string]string
}

func inProcess(t *testing.T, flavor memvault.Flavor) server {
	t.Helper()
	s := memvault.New(memvault.Options{Flavor: flavor})
	return newServer(t, s.Addr(), s.RootToken(), s.Transport())
}

// newServer prepares a server for the fixtures.
func newServer(t *testing.T, address, root string, transport http.RoundTripper) server {
	t.Helper()
	s := server{address, transport, map[string]string{"": root, "none": "", "unknown": "s.fake-unknown"}}
	c, err := api.NewClient(&api.Config{Address: address, HttpClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	c.SetToken(root)
	c.ClearNamespace()
	write(t, c, "sys/policies/acl/none", map[string]any{"policy": "# no right"})
	write(t, c, "secret/data/fixture", map[string]any{"data": map[string]any{"api_key": "fake"}})
	write(t, c, "secret/metadata/changed", map[string]any{"max_versions": 3})
	addRoles(t, c)
	for name, settings := range map[string]map[string]any{
		"narrow": {}, "revoked": {}, "spent": {"num_uses": 1}, "expired": {"ttl": "1s"},
	} {
		s.tokens[name] = token(t, c, settings)
	}
	write(t, c, "auth/token/revoke", map[string]any{"token": s.tokens["revoked"]})
	s.send(t, fixture{Method: http.MethodGet, Path: "secret/data/fixture", Token: "spent"})
	s.expire(t)
	return s
}

// addRoles adds the configurations and roles of auth methods.
func addRoles(t *testing.T, c *api.Client) {
	t.Helper()
	issuer := vaulttest.NewIssuer()
	t.Cleanup(issuer.Close)
	write(t, c, "sys/auth/jwt", map[string]any{"type": "jwt"})
	write(t, c, "auth/jwt/config", issuer.StaticConfig())
	write(t, c, "auth/jwt/role/r", map[string]any{"role_type": "jwt", "user_claim": "sub", "bound_audiences": "a"})
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("fake")}))
	write(t, c, "auth/kubernetes/config", map[string]any{"kubernetes_host": "https://127.0.0.1:1", "kubernetes_ca_cert": ca})
	write(t, c, "auth/kubernetes/role/r", map[string]any{
		"bound_service_account_names": "a", "bound_service_account_namespaces": "n", "audience": "a",
	})
	write(t, c, "auth/approle/role/r", map[string]any{"token_policies": "none"})
}

// expire waits until the token has expired.
func (s server) expire(t *testing.T) {
	t.Helper()
	lookup := fixture{Method: http.MethodGet, Path: "sys/internal/ui/mounts", Token: "expired"}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for status := http.StatusOK; status == http.StatusOK; status, _ = s.send(t, lookup) {
		<-tick.C
	}
}

// addToOpenBao adds what only an OpenBao has: namespaces, and check-and-set for metadata.
func (s server) addToOpenBao(t *testing.T) {
	t.Helper()
	c, err := api.NewClient(&api.Config{Address: s.address, HttpClient: &http.Client{Transport: s.transport}})
	if err != nil {
		t.Fatal(err)
	}
	c.SetToken(s.tokens[""])
	c.ClearNamespace()
	write(t, c, "secret/metadata/guarded", map[string]any{"metadata_cas_required": true})
	write(t, c, "sys/mounts/guarded", map[string]any{"type": "kv", "options": map[string]any{"version": "2"}})
	write(t, c, "guarded/config", map[string]any{"metadata_cas_required": true})
	write(t, c, "sys/namespaces/team", nil)
	team := c.WithNamespace("team")
	write(t, team, "sys/namespaces/a", nil)
	write(t, team, "sys/mounts/secret", map[string]any{"type": "kv", "options": map[string]any{"version": "2"}})
	write(t, team, "secret/data/fixture", map[string]any{"data": map[string]any{"only_in_team": "yes"}})
	write(t, team, "sys/policies/acl/none", map[string]any{"policy": `path "secret/data/fixture" { capabilities = ["read"] }
path "a/secret/data/other" { capabilities = ["read"] }`})
	s.tokens["team"] = token(t, team, map[string]any{})
	s.tokens["team, may do nothing"] = write(t, team, "auth/token/create-orphan", map[string]any{"no_default_policy": true}).Auth.ClientToken
	s.tokens["team, default policy"] = write(t, team, "auth/token/create-orphan", map[string]any{"policies": "none"}).Auth.ClientToken
	team.SetWrappingLookupFunc(func(string, string) string { return "5m" })
	s.tokens["team, wrapping"] = write(t, team, "sys/wrapping/wrap", map[string]any{"api_key": "fake"}).WrapInfo.Token
}

func write(t *testing.T, c *api.Client, path string, data map[string]any) *api.Secret {
	t.Helper()
	secret, err := c.Logical().WriteWithContext(t.Context(), path, data)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// token returns a token with the policy none alone.
func token(t *testing.T, c *api.Client, settings map[string]any) string {
	t.Helper()
	settings["policies"], settings["no_default_policy"] = "none", true
	return write(t, c, "auth/token/create-orphan", settings).Auth.ClientToken
}

func (f fixture) body() string {
	if f.Strings == 0 {
		return f.Body
	}
	paths := make([]string, f.Strings)
	for i := range paths {
		paths[i] = fmt.Sprintf("p%d", i)
	}
	text, _ := json.Marshal(map[string]any{"paths": paths}) // texts encode
	return string(text)
}

// send sends a fixture's request and returns the answer, as decoded JSON.
func (s server) send(t *testing.T, f fixture) (status int, body any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, f.Method, s.address+"/v1/"+f.Path, strings.NewReader(f.body()))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"X-Vault-Token": s.tokens[f.Token], "X-Vault-Namespace": f.Namespace, "Content-Type": f.ContentType,
	} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	response, err := s.transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &body); err != nil && len(text) > 0 {
		t.Fatalf("%s %s = %q, want JSON", f.Method, f.Path, text)
	}
	return response.StatusCode, body
}

// difference describes how an answer differs from the fixture's, or returns "".
func (f fixture) difference(status int, body any) string {
	if status != f.Status {
		return fmt.Sprintf("status %d, want %d", status, f.Status)
	}
	if f.Errors != nil {
		var texts []string
		list, _ := member(body, "errors").([]any)
		for _, text := range list {
			texts = append(texts, fmt.Sprint(text))
		}
		if !slices.Equal(texts, f.Errors) {
			return fmt.Sprintf("errors %q, want %q", texts, f.Errors)
		}
	}
	for _, path := range f.Members {
		if !has(body, path) {
			return fmt.Sprintf("no member %s", path)
		}
	}
	for path, want := range f.Values {
		if got := member(body, path); !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("%s = %v, want %v", path, got, want)
		}
	}
	for _, path := range f.Without {
		if has(body, path) {
			return fmt.Sprintf("a member %s, want none", path)
		}
	}
	return ""
}

// member returns a member of a JSON document. Dots separate the names of the path.
func member(body any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		object, _ := body.(map[string]any)
		body = object[name]
	}
	return body
}

func has(body any, path string) bool {
	parent, name := body, path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		parent, name = member(body, path[:i]), path[i+1:]
	}
	object, _ := parent.(map[string]any)
	_, found := object[name]
	return found
}

func (s server) check(t *testing.T, all []fixture) {
	t.Helper()
	s.addToOpenBao(t)
	for _, f := range all {
		if status, body := s.send(t, f); f.difference(status, body) != "" {
			t.Errorf("%s: %s %s in %q = %d %v: %s", f.Name, f.Method, f.Path, f.Namespace, status, body, f.difference(status, body))
		}
	}
}

// TestOpenBao_AnswersAsTheFixtures also tries the binary that VAULTKIT_VAULT_BIN names, if that is an
// OpenBao.
func TestOpenBao_AnswersAsTheFixtures(t *testing.T) {
	t.Run("in the process", func(t *testing.T) { inProcess(t, memvault.OpenBao).check(t, fixtures(t)) })
	if os.Getenv("VAULTKIT_VAULT_BIN") == "" || testing.Short() {
		return
	}
	t.Run("real", func(t *testing.T) {
		bao := realvault.Start(t, devvault.Options{})
		if bao.OpenBao() {
			set := func(f fixture) bool { return f.UnlessSet != "" }
			s := newServer(t, bao.Addr(), bao.RootToken(), &http.Transport{DisableKeepAlives: true})
			s.check(t, slices.DeleteFunc(fixtures(t), set))
		}
	})
}

// TestVault_AnswersOtherwise shows that each fixture tests a difference: the server answers all of
// them otherwise as Vault.
func TestVault_AnswersOtherwise(t *testing.T) {
	s := inProcess(t, memvault.Vault)
	for _, f := range fixtures(t) {
		status, body := s.send(t, f)
		if same := f.difference(status, body) == ""; same != f.SameOnVault {
			t.Errorf("%s: Vault answers %d %v: the same = %t, want %t", f.Name, status, body, same, f.SameOnVault)
		}
	}
}

func TestOpenBao_PoliciesExpire(t *testing.T) {
	bao := memvault.New(memvault.Options{Flavor: memvault.OpenBao})
	s := newServer(t, bao.Addr(), bao.RootToken(), bao.Transport())
	c := client(t, bao)
	write(t, c, "sys/policies/acl/none", map[string]any{
		"policy": `path "secret/data/fixture" { capabilities = ["read"] }`, "ttl": "1h",
	})
	read := fixture{Method: http.MethodGet, Path: "secret/data/fixture", Token: "narrow"}
	if status, _ := s.send(t, read); status != http.StatusOK {
		t.Errorf("a read before the policy expires = %d, want 200", status)
	}
	bao.Advance(2 * time.Hour)
	if status, _ := s.send(t, read); status != http.StatusForbidden {
		t.Errorf("a read after the policy has expired = %d, want 403", status)
	}
	if status, _ := s.send(t, fixture{Method: http.MethodGet, Path: "sys/policies/acl/none"}); status != http.StatusNotFound {
		t.Errorf("GET of a policy that has expired = %d, want 404", status)
	}
}

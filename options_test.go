package vaultkit_test

import (
	"errors"
	"maps"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"go.uber.org/goleak"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// An option of one verb does not compile in a call of another.
func TestOptionsFitTheirVerbsOnly(t *testing.T) {
	rotate, rollback := reflect.TypeFor[vaultkit.RotateOption](), reflect.TypeFor[vaultkit.RollbackOption]()
	revoke := reflect.TypeFor[vaultkit.RevokeOption]()
	for name, tc := range map[string]struct {
		option                   any
		rotate, rollback, revoke bool
	}{
		"WithActor":            {vaultkit.WithActor("me"), true, true, true},
		"WithDryRun":           {vaultkit.WithDryRun(), true, true, false},
		"AllowRevoked":         {vaultkit.AllowRevoked(), true, true, false},
		"AddFields":            {vaultkit.AddFields(), true, false, false},
		"RestoreDeleted":       {vaultkit.RestoreDeleted(), false, true, false},
		"IgnoreOtherProviders": {vaultkit.IgnoreOtherProviders(), false, false, true},
	} {
		kind := reflect.TypeOf(tc.option)
		want := [...]bool{tc.rotate, tc.rollback, tc.revoke}
		if got := [...]bool{kind.Implements(rotate), kind.Implements(rollback), kind.Implements(revoke)}; got != want {
			t.Errorf("%s fits Rotate, Rollback, RevokeOld = %v, want %v", name, got, want)
		}
	}
}

func TestTLS(t *testing.T) {
	plain, plainDir := clienttest.NewTLSProxy(t, false)
	named, namedDir := clienttest.NewTLSProxy(t, false, "vault.test")
	mutual, mutualDir := clienttest.NewTLSProxy(t, true)
	for name, tc := range map[string]struct {
		front *faultproxy.Proxy
		tls   vaultkit.TLS
		want  error
	}{
		"system CAs only":       {plain, vaultkit.TLS{}, vaultkit.ErrUnavailable},
		"CA file":               {plain, vaultkit.TLS{CAFile: plainDir + "/ca/ca.pem"}, nil},
		"CA directory":          {plain, vaultkit.TLS{CADir: plainDir + "/ca"}, nil},
		"another CA":            {plain, vaultkit.TLS{CAFile: namedDir + "/ca/ca.pem"}, vaultkit.ErrUnavailable},
		"unverified":            {plain, vaultkit.TLS{SkipVerify: true}, nil},
		"name does not match":   {named, vaultkit.TLS{CAFile: namedDir + "/ca/ca.pem"}, vaultkit.ErrUnavailable},
		"server name":           {named, vaultkit.TLS{CAFile: namedDir + "/ca/ca.pem", ServerName: "vault.test"}, nil},
		"no client certificate": {mutual, vaultkit.TLS{CAFile: mutualDir + "/ca/ca.pem"}, vaultkit.ErrUnavailable},
		"client certificate": {mutual, vaultkit.TLS{CAFile: mutualDir + "/ca/ca.pem",
			CertFile: mutualDir + "/cert.pem", KeyFile: mutualDir + "/key.pem"}, nil},
		"certificate without key": {mutual, vaultkit.TLS{CertFile: mutualDir + "/cert.pem"}, vaultkit.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := vaultkit.New(t.Context(), vaultkit.WithAddress(tc.front.URL()), vaultkit.WithTLS(tc.tls),
				vaultkit.WithToken(vaultkit.FromString(vaulttest.Server().RootToken())))
			if !errors.Is(err, tc.want) {
				t.Fatalf("New = %v, want %v", err, tc.want)
			}
			if tc.want == nil {
				if _, err := client.Providers(t.Context()); err != nil {
					t.Errorf("Providers = %v, want no error", err)
				}
				client.Close()
			}
		})
	}
}

func TestPlainHTTPToAnHTTPSServer(t *testing.T) {
	front, _ := clienttest.NewTLSProxy(t, false)
	_, err := vaultkit.New(t.Context(), vaultkit.WithAddress(strings.Replace(front.URL(), "https:", "http:", 1)),
		vaultkit.WithToken(vaultkit.FromString("fake")))
	if !errors.Is(err, vaultkit.ErrUnavailable) || !strings.Contains(err.Error(), "speaks HTTPS") {
		t.Errorf("New = %v, want ErrUnavailable that says that the server speaks HTTPS", err)
	}
}

// headers keeps the headers of the last request. It removes the namespace, which the server may not
// have.
type headers struct {
	mu   sync.Mutex
	last http.Header
	next http.RoundTripper
}

func (h *headers) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.last = r.Header.Clone()
	h.mu.Unlock()
	r = r.Clone(r.Context())
	r.Header.Del("X-Vault-Namespace")
	return h.next.RoundTrip(r)
}

func (h *headers) wrap(next http.RoundTripper) http.RoundTripper {
	h.next = next
	return h
}

// Options win over the environment, which the official client reads unasked.
func TestNew_IgnoresTheEnvironment(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "hvs.junk")
	t.Setenv("VAULT_NAMESPACE", "junk")
	t.Setenv("VAULT_HEADERS", `{"X-Junk":"junk"}`)
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1")
	t.Setenv("VAULT_MAX_RETRIES", "7")
	t.Setenv("VAULT_WRAP_TTL", "60s")
	h := &headers{}
	client := clienttest.New(t, vaultkit.WithTransport(h.wrap))
	if _, err := client.Providers(t.Context()); err != nil {
		t.Fatalf("Providers = %v, want no error", err)
	}
	if h.last.Get("X-Vault-Namespace") != "" || h.last.Get("X-Junk") != "" || h.last.Get("X-Vault-Request") != "true" ||
		h.last.Get("X-Vault-Token") != vaulttest.Server().RootToken() {
		t.Errorf("Providers sent namespace %q, X-Junk %q, want no header from the environment",
			h.last.Get("X-Vault-Namespace"), h.last.Get("X-Junk"))
	}
	named := clienttest.New(t, vaultkit.WithTransport(h.wrap), vaultkit.WithNamespace("team-a"))
	if _, err := named.Providers(t.Context()); err != nil || h.last.Get("X-Vault-Namespace") != "team-a" {
		t.Errorf("Providers sent namespace %q, %v, want team-a", h.last.Get("X-Vault-Namespace"), err)
	}
}

func TestWithAPIClientCopies(t *testing.T) {
	official := vaulttest.Root(t)
	official.SetNamespace("its-own")
	official.SetMaxRetries(5)
	official.SetClientTimeout(7 * time.Second)
	official.AddHeader("X-Its-Own", "yes")
	token := official.Token()
	h := &headers{}
	client, err := vaultkit.New(t.Context(), vaultkit.WithAPIClient(official), vaultkit.WithTransport(h.wrap))
	if err != nil {
		t.Fatalf("New = %v, want no error", err)
	}
	if h.last.Get("X-Vault-Namespace") != "its-own" || h.last.Get("X-Its-Own") != "yes" || h.last.Get("X-Vault-Token") != token {
		t.Errorf("New sent namespace %q, X-Its-Own %q, want those of the existing client, and its token",
			h.last.Get("X-Vault-Namespace"), h.last.Get("X-Its-Own"))
	}
	if client.Vault() == official {
		t.Error("Vault() = the existing client, want a copy")
	}
	client.Close()
	if official.Token() != token || official.MaxRetries() != 5 || official.ClientTimeout() != 7*time.Second {
		t.Errorf("the existing client has %d retries, a timeout of %v, want it unchanged",
			official.MaxRetries(), official.ClientTimeout())
	}
	official.ClearNamespace()
	if _, err := official.Auth().Token().LookupSelfWithContext(t.Context()); err != nil {
		t.Errorf("LookupSelf of its token after Close = %v, want no error", err)
	}
	withTLS := vaultkit.WithTLS(vaultkit.TLS{CAFile: "x"})
	if _, err := vaultkit.New(t.Context(), vaultkit.WithAPIClient(official), withTLS); !errors.Is(err, vaultkit.ErrInvalid) {
		t.Errorf("New(WithAPIClient, WithTLS) = %v, want ErrInvalid", err)
	}
	tokenless, err := api.NewClient(&api.Config{Address: vaulttest.Server().Addr()})
	if err != nil {
		t.Fatalf("api.NewClient = %v, want no error", err)
	}
	tokenless.ClearToken() // which it took from the environment
	if _, err := vaultkit.New(t.Context(), vaultkit.WithAPIClient(tokenless)); !errors.Is(err, vaultkit.ErrInvalid) {
		t.Errorf("New(WithAPIClient without a token) = %v, want ErrInvalid", err)
	}
}

func TestVaultIsLoggedIn(t *testing.T) {
	t.Setenv("VAULT_WRAP_TTL", "60s")
	client := clienttest.New(t)
	self, err := client.Vault().Auth().Token().LookupSelfWithContext(t.Context())
	if err != nil || self.Data["id"] != vaulttest.Server().RootToken() {
		t.Errorf("LookupSelf = %v, %v, want the root token", self, err)
	}
}

// Close leaves no goroutine and no connection, and neither does a New that fails.
func TestClose_LeavesNothing(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	h := &headers{} // a wrapper without CloseIdleConnections
	client := clienttest.New(t, vaultkit.WithTransport(h.wrap))
	if _, err := client.Providers(t.Context()); err != nil {
		t.Fatalf("Providers = %v, want no error", err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := client.Close(); err != nil {
				t.Errorf("Close = %v, want no error", err)
			}
		})
	}
	group.Wait()
	if _, err := client.GetAPIKey(t.Context(), "p"); !errors.Is(err, vaultkit.ErrClosed) {
		t.Errorf("GetAPIKey after Close = %v, want ErrClosed", err)
	}
	_, err := client.Rotate(t.Context(), "p", vaultkit.NewKey("fake"))
	if !errors.Is(err, vaultkit.ErrClosed) || errors.Is(err, vaultkit.ErrUndetermined) {
		t.Errorf("Rotate after Close = %v, want ErrClosed alone", err)
	}
	_, err = vaultkit.New(t.Context(), vaultkit.WithAddress(vaulttest.Server().Addr()), vaultkit.WithMount("nowhere"),
		vaultkit.WithToken(vaultkit.FromString(vaulttest.Server().RootToken())))
	if !errors.Is(err, vaultkit.ErrMountNotFound) {
		t.Errorf("New(WithMount(nowhere)) = %v, want ErrMountNotFound", err)
	}
	goleak.VerifyNone(t, ignore)
}

// setenv replaces the variables that WithEnvironment reads.
func setenv(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "VAULT") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_ACTIONS"} {
		t.Setenv(name, "")
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

func TestWithEnvironment(t *testing.T) {
	addr, token := vaulttest.Server().Addr(), vaulttest.Server().RootToken()
	dir := t.TempDir()
	vaulttest.WriteFile(t, dir+"/token", token+"\n")
	vaulttest.WriteFile(t, dir+"/.vault-token", token)
	vaulttest.WriteFile(t, dir+"/role-id", appRole(t)[0])
	vaulttest.WriteFile(t, dir+"/secret-id", appRole(t)[1])
	ids := appRole(t)
	issuer := vaulttest.NewIssuer()
	t.Cleanup(issuer.Close)
	jwt, mount := issuer.Sign(map[string]any{"aud": "vault"}), issuer.Mount(t, vaulttest.Root(t), vaulttest.Policy(t, "", "reader"))
	vaulttest.WriteFile(t, dir+"/jwt", jwt+"\n")
	job := issuer.Job(nil)
	request, bearer := job["ACTIONS_ID_TOKEN_REQUEST_URL"], job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
	type env = map[string]string
	for name, tc := range map[string]struct {
		env  env // and VAULT_ADDR
		want error
		says string
	}{
		"token":       {env{"VAULT_TOKEN": token}, nil, ""},
		"token file":  {env{"VAULTKIT_TOKEN_FILE": dir + "/token"}, nil, ""},
		"CLI's token": {env{"HOME": dir}, nil, ""},
		"approle":     {env{"VAULT_ROLE_ID": ids[0], "VAULT_SECRET_ID": ids[1]}, nil, ""},
		"token wins":  {env{"VAULT_TOKEN": token, "VAULT_ROLE_ID": "junk"}, nil, ""},
		"approle by choice": {env{"VAULTKIT_AUTH": "approle", "VAULT_TOKEN": "junk", "VAULT_ROLE_ID": ids[0],
			"VAULT_SECRET_ID": ids[1]}, nil, ""},
		"nothing":       {env{}, vaultkit.ErrInvalid, "no login"},
		"no address":    {env{"VAULT_ADDR": "", "VAULT_TOKEN": token}, vaultkit.ErrInvalid, "VAULT_ADDR"},
		"kubernetes":    {env{"VAULTKIT_KUBERNETES_ROLE": "r", "VAULTKIT_JWT_FILE": dir + "/none"}, vaultkit.ErrInvalid, "none"},
		"no such login": {env{"VAULTKIT_AUTH": "magic"}, vaultkit.ErrInvalid, "magic"},
		"skip verify":   {env{"VAULT_TOKEN": token, "VAULT_SKIP_VERIFY": "perhaps"}, vaultkit.ErrInvalid, "VAULT_SKIP_VERIFY"},
		"CA file":       {env{"VAULT_TOKEN": token, "VAULT_CACERT": dir + "/none"}, vaultkit.ErrInvalid, "none"},
		"mount":         {env{"VAULT_TOKEN": token, "VAULTKIT_MOUNT": "nowhere"}, vaultkit.ErrMountNotFound, "nowhere"},
		"base":          {env{"VAULT_TOKEN": token, "VAULTKIT_BASE": "../x"}, vaultkit.ErrInvalid, "base path"},
		"wrapped, junk": {env{"VAULT_ROLE_ID": ids[0], "VAULTKIT_WRAPPED_SECRET_ID": "hvs.junk"}, vaultkit.ErrWrappingToken, ""},
		"JWT":           {env{"VAULTKIT_JWT_MOUNT": mount, "VAULTKIT_JWT_ROLE": "job", "VAULTKIT_JWT_TOKEN": jwt}, nil, ""},
		"JWT file":      {env{"VAULTKIT_JWT_MOUNT": mount, "VAULTKIT_JWT_ROLE": "job", "VAULTKIT_JWT_TOKEN_FILE": dir + "/jwt"}, nil, ""},
		"JWT of GitHub": {env{"VAULTKIT_JWT_MOUNT": mount, "VAULTKIT_JWT_ROLE": "job", "VAULTKIT_JWT_AUDIENCE": "vault",
			"ACTIONS_ID_TOKEN_REQUEST_URL": request, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer}, nil, ""},
		"JWT by choice": {env{"VAULTKIT_AUTH": "jwt", "VAULT_TOKEN": "junk", "VAULTKIT_JWT_MOUNT": mount, "VAULTKIT_JWT_ROLE": "job",
			"VAULTKIT_JWT_TOKEN": jwt}, nil, ""},
		"JWT, other audience": {env{"VAULTKIT_JWT_MOUNT": mount, "VAULTKIT_JWT_ROLE": "job", "VAULTKIT_JWT_AUDIENCE": "other",
			"ACTIONS_ID_TOKEN_REQUEST_URL": request, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer}, vaultkit.ErrUnauthenticated, "bound_audiences"},
		"JWT, no default role": {env{"VAULTKIT_JWT_MOUNT": mount, "VAULTKIT_JWT_TOKEN": jwt}, vaultkit.ErrUnauthenticated, "default_role"},
		"JWT in quotes":        {env{"VAULTKIT_JWT_MOUNT": mount, "VAULTKIT_JWT_TOKEN": "'" + jwt + "'"}, vaultkit.ErrInvalid, "in quotes"},
		"JWT, no permission":   {env{"VAULTKIT_JWT_ROLE": "job", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer}, vaultkit.ErrInvalid, "id-token: write"},
		"approle, no secret":   {env{"VAULT_ROLE_ID": ids[0]}, vaultkit.ErrInvalid, "VAULT_SECRET_ID"},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, env{"VAULT_ADDR": addr})
			for variable, value := range tc.env {
				t.Setenv(variable, value)
			}
			client, err := vaultkit.New(t.Context(), vaultkit.WithEnvironment())
			if !errors.Is(err, tc.want) || tc.want != nil && !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("New = %v, want %v and %q", err, tc.want, tc.says)
			}
			if err == nil {
				client.Close()
			}
		})
	}
}

// appRole creates an AppRole with the rotator's policy and returns its role id and a secret id.
func appRole(t *testing.T) [2]string {
	t.Helper()
	root := vaulttest.Root(t)
	role := vaulttest.Name(t)
	if err := root.Sys().PutPolicyWithContext(t.Context(), role, vaulttest.Policy(t, "", "rotator")); err != nil {
		t.Fatalf("PutPolicyWithContext = %v, want no error", err)
	}
	vaulttest.Write(t, root, "auth/approle/role/"+role, map[string]any{"token_policies": role, "token_no_default_policy": true})
	id, err := root.Logical().ReadWithContext(t.Context(), "auth/approle/role/"+role+"/role-id")
	if err != nil {
		t.Fatalf("ReadWithContext = %v, want no error", err)
	}
	secret, err := root.Logical().WriteWithContext(t.Context(), "auth/approle/role/"+role+"/secret-id", nil)
	if err != nil {
		t.Fatalf("WriteWithContext = %v, want no error", err)
	}
	return [2]string{id.Data["role_id"].(string), secret.Data["secret_id"].(string)}
}

// The default client is made once, from the environment, and again after a
// failure or a Close.
func TestDefault(t *testing.T) {
	setenv(t, map[string]string{"VAULT_ADDR": vaulttest.Server().Addr()})
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	for verb, err := range map[string]error{
		"GetAPIKey":       clienttest.ErrorOf(vaultkit.GetAPIKey(t.Context(), p)),
		"GetProviderKeys": clienttest.ErrorOf(vaultkit.GetProviderKeys(t.Context(), p)),
		"Rotate":          clienttest.ErrorOf(vaultkit.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))),
	} {
		if !errors.Is(err, vaultkit.ErrInvalid) {
			t.Errorf("%s without a login = %v, want ErrInvalid", verb, err)
		}
	}
	t.Setenv("VAULT_TOKEN", vaulttest.Server().RootToken())
	if key, err := vaultkit.GetAPIKey(t.Context(), p); err != nil || key != "fake-old" {
		t.Fatalf("GetAPIKey = %q, %v, want fake-old", key, err)
	}
	if r, err := vaultkit.Rotate(t.Context(), p, vaultkit.NewKey("fake-new")); err != nil || r.NewVersion != 2 {
		t.Errorf("Rotate = %+v, %v, want version 2", r, err)
	}
	if keys, err := vaultkit.GetProviderKeys(t.Context(), p); err != nil || keys["api_key"] != "fake-new" {
		t.Errorf("GetProviderKeys = %v, %v, want fake-new", keys.Reveal(), err)
	}
	var clients sync.Map
	var made atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			client, err := vaultkit.Default(t.Context())
			if err != nil {
				t.Errorf("Default = %v, want no error", err)
			}
			if _, seen := clients.LoadOrStore(client, true); !seen {
				made.Add(1)
			}
		})
	}
	group.Wait()
	if made.Load() != 1 {
		t.Errorf("16 calls of Default made %d clients, want 1", made.Load())
	}
	first, _ := vaultkit.Default(t.Context())
	first.Close()
	again, err := vaultkit.Default(t.Context())
	if err != nil || again == first {
		t.Errorf("Default after Close = the same client: %t, %v, want another client", again == first, err)
	}
	again.Close()
}

// New refuses invalid settings and wrong mounts, so that nothing is written to the wrong place.
func TestNew_RefusesWrongSettings(t *testing.T) {
	root, server := vaulttest.Root(t), vaulttest.Server()
	if err := root.Sys().MountWithContext(t.Context(), "kv-one", &api.MountInput{Type: "kv"}); err != nil {
		t.Fatalf("MountWithContext = %v, want no error", err)
	}
	with := func(token string) vaultkit.Option { return vaultkit.WithToken(vaultkit.FromString(token)) }
	at := vaultkit.WithAddress
	token, here, secure := with(server.RootToken()), at(server.Addr()), strings.Replace(server.Addr(), "http:", "https:", 1)
	powerless := vaulttest.Token(t, `path "auth/token/lookup-self" { capabilities = ["read"] }`)
	noFile, negative := vaultkit.TLS{CAFile: "no-such.pem"}, vaultkit.Timeouts{Read: -1}
	fast := vaultkit.WithTimeouts(vaultkit.Timeouts{Start: 300e6})
	before := vaulttest.Everything(t)
	for name, tc := range map[string]struct {
		opts []vaultkit.Option
		want error
		says string
	}{
		"no address":          {[]vaultkit.Option{token}, vaultkit.ErrInvalid, "VAULT_ADDR"},
		"no login":            {[]vaultkit.Option{here}, vaultkit.ErrInvalid, "no login"},
		"not a URL":           {[]vaultkit.Option{token, vaultkit.WithAddress("vault:8200")}, vaultkit.ErrInvalid, "https://"},
		"no scheme":           {[]vaultkit.Option{token, vaultkit.WithAddress("127.0.0.1:8200")}, vaultkit.ErrInvalid, "https://"},
		"credentials":         {[]vaultkit.Option{token, at("http://u:canary-0@127.0.0.1:1")}, vaultkit.ErrInvalid, "password"},
		"password, no scheme": {[]vaultkit.Option{token, at("u:canary-0@vault.example.com:8200")}, vaultkit.ErrInvalid, "https://"},
		"password as path":    {[]vaultkit.Option{token, at("http:///u:canary-0@host")}, vaultkit.ErrInvalid, "https://"},
		"nil option":          {[]vaultkit.Option{token, here, nil}, vaultkit.ErrInvalid, "nil"},
		"below a mount":       {[]vaultkit.Option{token, here, vaultkit.WithMount("secret/team")}, vaultkit.ErrMountNotFound, "base path"},
		"no server":           {[]vaultkit.Option{token, fast, at("http://127.0.0.1:1")}, vaultkit.ErrUnavailable, "address"},
		"TLS to plain HTTP":   {[]vaultkit.Option{token, at(secure)}, vaultkit.ErrUnavailable, "address"},
		"wrong token":         {[]vaultkit.Option{here, with("hvs.not-a-token")}, vaultkit.ErrUnauthenticated, "token"},
		"empty token":         {[]vaultkit.Option{here, with("")}, vaultkit.ErrInvalid, "empty"},
		"missing CA file":     {[]vaultkit.Option{token, here, vaultkit.WithTLS(noFile)}, vaultkit.ErrInvalid, "no-such.pem"},
		"mount traversal":     {[]vaultkit.Option{token, here, vaultkit.WithMount("../sys")}, vaultkit.ErrInvalid, "mount"},
		"empty base":          {[]vaultkit.Option{token, here, vaultkit.WithBasePath("")}, vaultkit.ErrInvalid, "base path"},
		"base with slashes":   {[]vaultkit.Option{token, here, vaultkit.WithBasePath("a//b")}, vaultkit.ErrInvalid, "base path"},
		"negative timeout":    {[]vaultkit.Option{token, here, vaultkit.WithTimeouts(negative)}, vaultkit.ErrInvalid, "negative"},
		"KV v1":               {[]vaultkit.Option{token, here, vaultkit.WithMount("kv-one")}, vaultkit.ErrNotKVv2, "enable-versioning"},
		"another engine":      {[]vaultkit.Option{token, here, vaultkit.WithMount("cubbyhole")}, vaultkit.ErrNotKVv2, "cubbyhole"},
		"no such mount":       {[]vaultkit.Option{token, here, vaultkit.WithMount("nowhere")}, vaultkit.ErrMountNotFound, "mount"},
		"no right there":      {[]vaultkit.Option{here, with(powerless)}, vaultkit.ErrPermissionDenied, "no capability below"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := vaultkit.New(t.Context(), tc.opts...)
			leaks := err != nil && strings.Contains(err.Error(), "canary")
			if client != nil || !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) || leaks {
				t.Errorf("New = %v, %v, want %v and %q", client, err, tc.want, tc.says)
			}
		})
	}
	if after := vaulttest.Everything(t); !maps.Equal(before, after) {
		t.Errorf("the store is %v, want it unchanged: %v", after, before)
	}
}

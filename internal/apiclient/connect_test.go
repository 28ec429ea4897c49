package apiclient_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/vaulttest"
)

func root() vaultkit.Option {
	return vaultkit.WithToken(vaultkit.FromString(vaulttest.Server().RootToken()))
}

// proxyHandler forwards requests to the package's Vault.
func proxyHandler(t *testing.T) http.Handler {
	t.Helper()
	to, err := url.Parse(vaulttest.Server().Addr())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
}

// socket returns the address of a unix socket that leads to the package's Vault, as an
// agent's does.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vk") //nolint:usetesting // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "agent.sock")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(proxyHandler(t))
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return "unix://" + path
}

// official returns an official client as a user would make it.
func official(t *testing.T, address string) *api.Client {
	t.Helper()
	config := api.DefaultConfig()
	config.Address = address
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(vaulttest.Server().RootToken())
	t.Cleanup(config.HttpClient.CloseIdleConnections)
	return client
}

func TestNew_ConnectsToEachAddress(t *testing.T) {
	unix, other, vault := socket(t), socket(t), vaulttest.Server().Addr()
	wrapped := official(t, unix)
	wrapped.CloneConfig() // reads the environment, but does not change the client
	secure := newTLSVault(t, true)
	trusting := api.DefaultConfig()
	trusting.Address = secure.address
	if err := trusting.ConfigureTLS(&api.TLSConfig{CACert: secure.file("ca/ca.pem"), ClientCert: secure.file("cert.pem"), ClientKey: secure.file("key.pem")}); err != nil {
		t.Fatal(err)
	}
	behindTLS, err := api.NewClient(trusting)
	if err != nil {
		t.Fatal(err)
	}
	behindTLS.SetToken(vaulttest.Server().RootToken())
	agent := api.DefaultConfig()
	agent.Address, agent.AgentAddress = "http://127.0.0.1:1", unix
	throughAgent, err := api.NewClient(agent)
	if err != nil {
		t.Fatal(err)
	}
	throughAgent.SetToken(vaulttest.Server().RootToken())
	for name, opts := range map[string][]vaultkit.Option{
		"a unix socket":                          {vaultkit.WithAddress(unix), root()},
		"a unix socket, with a wrapper":          {vaultkit.WithAddress(unix), root(), vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper { return wrapper{next} })},
		"somebody's unix client":                 {vaultkit.WithAPIClient(wrapped)},
		"somebody's unix client, another socket": {vaultkit.WithAPIClient(wrapped), vaultkit.WithAddress(other)},
		"somebody's unix client, over TCP":       {vaultkit.WithAPIClient(wrapped), vaultkit.WithAddress(vault)},
		"somebody's client, over a unix socket":  {vaultkit.WithAPIClient(official(t, vault)), vaultkit.WithAddress(unix)},
		"somebody's client":                      {vaultkit.WithAPIClient(official(t, vault))},
		"somebody's client with TLS":             {vaultkit.WithAPIClient(behindTLS)},
		"somebody's client with an agent":        {vaultkit.WithAPIClient(throughAgent)},
		"an agent, and an address of ours":       {vaultkit.WithAPIClient(throughAgent), vaultkit.WithAddress(vault)},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := vaultkit.New(t.Context(), opts...)
			if err != nil {
				t.Fatalf("New = %v, want no error", err)
			}
			defer client.Close()
			if _, err := client.Providers(t.Context()); err != nil {
				t.Errorf("Providers = %v, want no error", err)
			}
			if _, err := client.Vault().Sys().HealthWithContext(t.Context()); err != nil {
				t.Errorf("Vault().Sys().Health() = %v, want no error", err)
			}
		})
	}
	if got := wrapped.Address(); got != "http://localhost" || wrapped.Token() == "" {
		t.Errorf("the existing client is at %q now, want it unchanged", got)
	}
}

type wrapper struct{ http.RoundTripper }

// TestNew_SocketNeedsAStandardTransport checks that a custom transport cannot be changed
// to a unix socket, but can be used.
func TestNew_SocketNeedsAStandardTransport(t *testing.T) {
	existing := official(t, vaulttest.Server().Addr())
	config := existing.CloneConfig()
	config.HttpClient.Transport = wrapper{config.HttpClient.Transport}
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vaultkit.New(t.Context(), vaultkit.WithAPIClient(client), root(), vaultkit.WithAddress("unix:///nowhere.sock")); !errors.Is(err, vaultkit.ErrInvalid) {
		t.Errorf("New = %v, want ErrInvalid", err)
	}
	ours, err := vaultkit.New(t.Context(), vaultkit.WithAPIClient(client), root())
	if err != nil {
		t.Fatalf("New with a custom transport = %v, want no error", err)
	}
	ours.Close()
}

func TestNew_NamesTheAddressError(t *testing.T) {
	const copied = "https://vault.test:8200"
	for address, want := range map[string]string{
		copied + " ":                   "begins or ends with white space",
		copied + "\n":                  "begins or ends with white space",
		"\t" + copied:                  "begins or ends with white space",
		"https://vault.test:8200/v1":   "ends in /v1",
		"https://vault.test:8200/v1/":  "ends in /v1",
		"https://vault.test/prefix/v1": "ends in /v1",
		`"https://vault.test:8200"`:    "contains quotes",
		"vault.test:8200":              "not a URL like",
		"unix://":                      "not a URL like",
		"https://u:fake-pw@vault.test": "contains a user or password",
		"https://vault.test/\x1b[31m":  "not a URL like",
	} {
		_, err := vaultkit.New(t.Context(), vaultkit.WithAddress(address), root())
		if !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "fake-pw") {
			t.Errorf("New at %q = %v, want ErrInvalid and %q", address, err, want)
		}
	}
}

// TestNew_RefusesControlCharactersInHeaders checks that New fails at once. net/http would
// refuse each request, which looks like an outage.
func TestNew_RefusesControlCharactersInHeaders(t *testing.T) {
	existing := official(t, vaulttest.Server().Addr())
	existing.AddHeader("X-Fake", "fake-secret\r\n")
	for name, opt := range map[string]vaultkit.Option{
		"namespace": vaultkit.WithNamespace("team\r\nX-Vault-Token: fake"), "X-Fake": vaultkit.WithAPIClient(existing),
	} {
		_, err := vaultkit.New(t.Context(), vaultkit.WithAddress(vaulttest.Server().Addr()), root(), opt)
		if !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "fake-secret") {
			t.Errorf("New with a newline in the %s = %v, want ErrInvalid that names it", name, err)
		}
	}
}

// TestCADirectory uses a directory with the links of a Kubernetes volume, among others.
func TestCADirectory(t *testing.T) {
	vault := newTLSVault(t, false)
	lines := map[string]string{
		"volume/..2026/ca.pem": vault.ca, "readme/README.md": "no certificate", "readme/ca.pem": vault.ca, "alone/README.md": "no certificate", "none/sub/ca.pem": vault.ca,
	}
	for name, content := range lines {
		vault.write(t, name, content)
	}
	for link, target := range map[string]string{"volume/..data": "..2026", "volume/ca.pem": "..data/ca.pem", "readme/dead.pem": "nowhere", "readme/loop": ".", "volume/dir.pem": "..data"} {
		if err := os.Symlink(target, vault.file(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(vault.file("empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]error{
		"ca": nil, "volume": nil, "readme": nil, "alone": vaultkit.ErrInvalid, "none": vaultkit.ErrInvalid, "empty": vaultkit.ErrInvalid, "missing": vaultkit.ErrInvalid,
	} {
		client, err := vaultkit.New(t.Context(), vaultkit.WithAddress(vault.address), root(), vaultkit.WithTLS(vaultkit.TLS{CADir: vault.file(dir)}))
		if err == nil {
			client.Close()
		}
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("New with the CA directory %s = %v, want %v", dir, err, want)
		}
	}
}

// TestNew_RedirectKeepsTheToken checks that a redirect to another host is followed only if
// that host is allowed.
func TestNew_RedirectKeepsTheToken(t *testing.T) {
	var arrived atomic.Int64
	vault := proxyHandler(t)
	active := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		vault.ServeHTTP(w, r)
	}))
	t.Cleanup(active.Close)
	standby := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, active.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(standby.Close)
	_, err := vaultkit.New(t.Context(), vaultkit.WithAddress(standby.URL), root(), vaultkit.WithTimeouts(vaultkit.Timeouts{Start: shortWait}))
	if !errors.Is(err, vaultkit.ErrUnavailable) || !strings.Contains(err.Error(), "redirects to \""+active.URL+`", another host`) || arrived.Load() != 0 {
		t.Errorf("New at a standby = %v, and %d requests arrive elsewhere, want ErrUnavailable and none", err, arrived.Load())
	}
	host := strings.TrimPrefix(active.URL, "http://")
	t.Setenv("VAULT_ADDR", standby.URL)
	t.Setenv("VAULT_TOKEN", vaulttest.Server().RootToken())
	t.Setenv("VAULTKIT_REDIRECTS", "vault.test,"+host)
	for name, opts := range map[string][]vaultkit.Option{
		"WithRedirects":      {vaultkit.WithAddress(standby.URL), root(), vaultkit.WithRedirects(host)},
		"VAULTKIT_REDIRECTS": {vaultkit.WithEnvironment()},
	} {
		client, err := vaultkit.New(t.Context(), opts...)
		if err != nil {
			t.Errorf("%s: New = %v, want no error", name, err)
			continue
		}
		p := vaulttest.Name(t)
		if _, err := client.PutProviderKeys(t.Context(), p, vaultkit.ProviderKeys{"api_key": "fake-1"}); err != nil {
			t.Errorf("%s: PutProviderKeys = %v, want no error", name, err)
		}
		if r, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-2")); err != nil || r.NewVersion != 2 {
			t.Errorf("%s: Rotate = %+v, %v, want version 2", name, r, err)
		}
		client.Close()
	}
	if _, err := vaultkit.New(t.Context(), root(), vaultkit.WithAddress(standby.URL), vaultkit.WithRedirects("https://a.test/")); !errors.Is(err, vaultkit.ErrInvalid) {
		t.Errorf("New with a URL for a host = %v, want ErrInvalid", err)
	}
}

// TestNew_ClientCanBeCloned checks Clone, which makes a new client from the same
// configuration.
func TestNew_ClientCanBeCloned(t *testing.T) {
	client, err := vaultkit.New(t.Context(), vaultkit.WithAddress(socket(t)), root())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	clone, err := client.Vault().Clone()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if health, err := clone.Sys().HealthWithContext(ctx); err != nil || !health.Initialized {
		t.Errorf("Clone().Sys().Health() = %+v, %v, want an initialized Vault", health, err)
	}
}

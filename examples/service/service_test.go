package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/examples/provider"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/vaultkittest"
)

const adminKey = "fake-admin-key"

// startAPI starts a provider's API with one key.
func startAPI(t *testing.T) (api *provider.API, url string, keys vaultkit.ProviderKeys) {
	t.Helper()
	api = provider.New(adminKey, 0)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	id, key := api.Issue("first")
	return api, server.URL, vaultkit.ProviderKeys{"api_key": key, "api_key_id": id}
}

// setup starts a provider's API, and a Vault that holds its key.
func setup(t *testing.T) (url string, vault *vaultkittest.Server) {
	t.Helper()
	_, url, keys := startAPI(t)
	return url, vaultkittest.NewServer(t, vaultkittest.WithProviderKeys("example", keys))
}

// serve starts a service. Its requests are answered before start returns, too.
func serve(t *testing.T, config config) (s *service, address string) {
	t.Helper()
	s = newService(config)
	server := httptest.NewServer(s.routes())
	t.Cleanup(func() { server.Close(); s.close() })
	return s, server.URL
}

func request(t *testing.T, method, url, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatalf("http.NewRequest(%s) = %v, want no error", url, err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s = %v, want no error", method, url, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading the response of %s %s = %v, want no error", method, url, err)
	}
	return response.StatusCode, string(content)
}

// responds fails the test unless the service responds with this status.
func responds(t *testing.T, method, url, body string, want int) string {
	t.Helper()
	status, text := request(t, method, url, body)
	if status != want || strings.Contains(text, "sk-standin") {
		t.Errorf("%s %s = %d %q, want %d, and no key", method, url, status, text, want)
	}
	return text
}

const question = `{"question": "why?"}`

// A probe gets a response before there is a key. The service is ready once there is one.
func TestService_IsReadyWhenItHasAKey(t *testing.T) {
	url, vault := setup(t)
	s, address := serve(t, config{"example", url, time.Second})
	responds(t, http.MethodGet, address+"/live", "", http.StatusOK)
	responds(t, http.MethodGet, address+"/ready", "", http.StatusServiceUnavailable)
	responds(t, http.MethodPost, address+"/ask", question, http.StatusServiceUnavailable)
	if err := s.start(t.Context(), vault.Options(t)...); err != nil {
		t.Fatalf("start() = %v, want no error", err)
	}
	responds(t, http.MethodGet, address+"/ready", "", http.StatusOK)
	if text := responds(t, http.MethodPost, address+"/ask", question, http.StatusOK); !strings.Contains(text, "42") {
		t.Errorf("POST /ask = %q, want 42 in it", text)
	}
	responds(t, http.MethodPost, address+"/ask", "why?", http.StatusBadRequest)
	for _, want := range []string{`service_answers_total{result="ok"} 1`, "vaultkit_ok 1", `vaultkit_events_total{failed="no",kind="login"}`} {
		if text := responds(t, http.MethodGet, address+"/metrics", "", http.StatusOK); !strings.Contains(text, want) {
			t.Errorf("GET /metrics = %q, want %q in it", text, want)
		}
	}
}

// While Vault is down, the service stays ready and answers. The metric for alarms shows the outage.
func TestService_SurvivesAnOutageOfVault(t *testing.T) {
	url, vault := setup(t)
	s, address := serve(t, config{"example", url, time.Second})
	if err := s.start(t.Context(), vault.Options(t)...); err != nil {
		t.Fatalf("start() = %v, want no error", err)
	}
	vault.Disconnect()
	vaulttest.Eventually(t, "vaultkit_ok 0 in /metrics, without Vault", func() bool {
		responds(t, http.MethodPost, address+"/ask", question, http.StatusOK)
		return strings.Contains(responds(t, http.MethodGet, address+"/metrics", "", http.StatusOK), "vaultkit_ok 0")
	})
	responds(t, http.MethodGet, address+"/ready", "", http.StatusOK)
	responds(t, http.MethodPost, address+"/ask", question, http.StatusOK)
}

// Without a key, the service is not ready, and says so to its probe.
func TestService_IsNotReadyWithoutAKey(t *testing.T) {
	url, vault := setup(t)
	s, address := serve(t, config{"example", url, time.Second})
	if err := s.start(t.Context(), vault.Options(t)...); err != nil {
		t.Fatalf("start() = %v, want no error", err)
	}
	vault.DeleteProvider("example")
	vaulttest.Eventually(t, "503 of /ready, without a key", func() bool {
		status, _ := request(t, http.MethodGet, address+"/ready", "")
		return status == http.StatusServiceUnavailable
	})
}

// A key that does not work is the provider's refusal, not an answer. The log does not show it.
func TestService_ReportsAKeyThatIsRefused(t *testing.T) {
	api, url, keys := startAPI(t)
	vault := vaultkittest.NewServer(t, vaultkittest.WithProviderKeys("example", keys))
	vault.Rotate("example", "sk-standin-unknown")
	s, address := serve(t, config{"example", url, time.Second})
	if err := s.start(t.Context(), vault.Options(t)...); err != nil {
		t.Fatalf("start() = %v, want no error", err)
	}
	var lines strings.Builder
	log.SetOutput(&lines)
	responds(t, http.MethodPost, address+"/ask", question, http.StatusBadGateway)
	log.SetOutput(os.Stderr)
	if !strings.Contains(lines.String(), "refused the key") || strings.Contains(lines.String(), "sk-standin") {
		t.Errorf("POST /ask logs %q, want that the key is refused, and no key", &lines)
	}
	// The next key is used without a restart.
	_, key := api.Issue("second")
	vault.Rotate("example", key)
	vaulttest.Eventually(t, "an answer with the next key", func() bool {
		status, _ := request(t, http.MethodPost, address+"/ask", question)
		return status == http.StatusOK
	})
}

// listening opens a port on this machine.
func listening(t *testing.T) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("Listen() = %v, want no error", err)
	}
	return listener
}

// run answers probes while it waits for Vault, and ends when its context ends.
func TestRun_EndsWhileItWaitsForVault(t *testing.T) {
	url, vault := setup(t)
	vault.Setenv(t)
	vault.Disconnect()
	defer vault.Reconnect()
	ctx, cancel := context.WithCancel(t.Context())
	listener := listening(t)
	done := make(chan error, 1)
	go func() { done <- run(ctx, listener, config{"example", url, time.Second}) }()
	responds(t, http.MethodGet, "http://"+listener.Addr().String()+"/live", "", http.StatusOK)
	responds(t, http.MethodGet, "http://"+listener.Addr().String()+"/ready", "", http.StatusServiceUnavailable)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run(), cancelled = %v, want no error", err)
	}
}

// run ends with the error of its port, also while it still waits for Vault.
func TestRun_EndsIfItCannotServe(t *testing.T) {
	url, vault := setup(t)
	vault.Setenv(t)
	vault.Disconnect()
	defer vault.Reconnect()
	listener := listening(t)
	if err := listener.Close(); err != nil {
		t.Fatalf("Close() = %v, want no error", err)
	}
	if err := run(t.Context(), listener, config{"example", url, time.Second}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("run(), a closed port = %v, want net.ErrClosed", err)
	}
}

func TestListen_RefusesAnAddressThatDoesNotExist(t *testing.T) {
	if err := listen(t.Context(), "127.0.0.1:99999", config{"example", "http://127.0.0.1:1", time.Second}); err == nil || !strings.Contains(err.Error(), "port") {
		t.Errorf("listen(127.0.0.1:99999) = %v, want an error about the port", err)
	}
	if err := listen(t.Context(), "127.0.0.1:0", config{provider: "example"}); err == nil || !strings.Contains(err.Error(), "PROVIDER_URL") {
		t.Errorf("listen(), no URL = %v, want an error about PROVIDER_URL", err)
	}
}

package verify

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

// proxy is the proxy in HTTPS_PROXY and HTTP_PROXY of all tests, so that none reaches a real
// provider. It refuses every request.
var proxy struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

func TestMain(m *testing.M) { vaulttest.MainWith(m, startProxy, stopProxy) }

func startProxy(vaulttest.Vault) {
	proxy.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy.mu.Lock()
		defer proxy.mu.Unlock()
		proxy.requests = append(proxy.requests, r)
		http.Error(w, "canary of the proxy", http.StatusBadGateway)
	}))
	address, err := url.Parse(proxy.URL)
	vaulttest.Must(err)
	address.User = url.UserPassword("user", "canary-password")
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"} {
		vaulttest.Must(os.Setenv(name, address.String()))
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		vaulttest.Must(os.Unsetenv(name))
	}
}

func stopProxy() error {
	proxy.Close()
	return nil
}

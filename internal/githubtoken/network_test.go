package githubtoken_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

// childVariable makes the test program ask for one token. The settings of the network are read
// once in a process, so that each test of them needs its own.
const childVariable = "VAULTKIT_TEST_GITHUB_TOKEN"

func child() int {
	r := request("")
	r.Lookup, r.Masks = os.Getenv, os.Stderr
	token, err := r.Token(context.Background())
	if err == nil {
		err = goleak.Find()
	}
	fmt.Println(token, err)
	return 0
}

// ask runs a child and returns what it prints.
func ask(t *testing.T, variables ...string) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program)
	command.Env = append(slices.DeleteFunc(os.Environ(), func(one string) bool {
		return strings.Contains(strings.ToUpper(one), "PROXY=")
	}), append(variables, childVariable+"=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+bearer, "GITHUB_ACTIONS=true")...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("the child fails with %v, want success: %s", err, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}

// connects is a proxy that refuses, and notes what it is asked for.
type connects struct {
	mu   sync.Mutex
	seen []string
}

func (c *connects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, fmt.Sprint(r.Method, " ", r.Host, r.Header["Authorization"]))
	http.Error(w, "canary", http.StatusForbidden)
}

func (c *connects) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

func TestToken_UsesTheProxySettings(t *testing.T) {
	seen := &connects{}
	proxy := httptest.NewServer(seen)
	defer proxy.Close()
	address := strings.Replace(proxy.URL, "//", "//user:canary@", 1)
	for name, tc := range map[string]struct {
		proxy, noProxy, says string
		requests             []string
	}{
		"HTTPS_PROXY": {address, "", "no complete response", slices.Repeat([]string{"CONNECT github.invalid:443[]"}, 3)},
		"NO_PROXY":    {address, "github.invalid", "github.invalid", nil},
		"no proxy":    {"http://user:canary@127.0.0.1:1", "", "no connection through the proxy", nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(seen.list())
			said := ask(t, "ACTIONS_ID_TOKEN_REQUEST_URL=https://github.invalid/token", "HTTPS_PROXY="+tc.proxy, "NO_PROXY="+tc.noProxy)
			if !strings.Contains(said, tc.says) || !strings.Contains(said, "check that the job reaches GitHub (HTTPS_PROXY") || strings.Contains(said, "canary") {
				t.Errorf("Token = %s, want %q in it and no secret", said, tc.says)
			}
			if got := seen.list()[before:]; !slices.Equal(got, tc.requests) {
				t.Errorf("the proxy is asked for %q, want %q", got, tc.requests)
			}
		})
	}
}

func TestToken_TLS(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SSL_CERT_FILE is for Linux")
	}
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(token)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that does not trust it is expected
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	trusted := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	address := "ACTIONS_ID_TOKEN_REQUEST_URL=" + server.URL
	if said := ask(t, address, "SSL_CERT_FILE="+trusted); said != jwt+" <nil>" || connections.Load() != 1 {
		t.Errorf("Token = %s after %d connections, want the token after 1", said, connections.Load())
	}
	if said := ask(t, address); !strings.Contains(said, "signed by an unknown authority") || connections.Load() != 2 {
		t.Errorf("Token = %s after %d connections, want an unknown authority after 1 more", said, connections.Load())
	}
}

package apiclient_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulttest"
)

const canary = "sk-canary-0123456789"

// hostileProxy is a proxy between a client and the package's Vault. Once armed, it answers
// itself and uses the request's body in its responses.
type hostileProxy struct {
	net.Listener
	response func(body string) string
	armed    atomic.Bool
	vault    http.Handler
	done     sync.WaitGroup
}

func newHostileProxy(t *testing.T, response func(body string) string) *hostileProxy {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hostileProxy{Listener: listener, response: response, vault: proxyHandler(t)}
	h.done.Go(func() {
		for {
			conn, err := h.Accept()
			if err != nil {
				return
			}
			h.done.Go(func() { h.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = h.Close(); h.done.Wait() })
	return h
}

func (h *hostileProxy) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(r.Body)
		if h.armed.Load() {
			if _, err := io.WriteString(conn, h.response(string(body))); err != nil {
				return
			}
			continue
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		recorder := httptest.NewRecorder()
		h.vault.ServeHTTP(recorder, r)
		response := recorder.Result()
		response.ContentLength = int64(recorder.Body.Len())
		_ = response.Write(conn)
	}
}

// whole is a valid response.
func whole(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// refusing is an error response in Vault's format.
func refusing(status int, text string) string {
	body, _ := json.Marshal(map[string][]string{"errors": {text}})
	return whole(status, string(body))
}

// hostile returns responses that would show a secret if an error contained their text.
func hostile() map[string]func(body string) string {
	secret := `{"data":{"data":{"api_key":"` + canary + `"},"metadata":{"version":1,"created_time":"2026-01-01T00:00:00Z"}}}`
	always := func(text string) func(string) string { return func(string) string { return text } }
	return map[string]func(string) string{
		"no status line":        always(secret + "\r\n\r\n"),
		"a bad status":          always("HTTP/1.1 " + canary + "\r\n\r\n"),
		"no blank line":         always("HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n"),
		"a length too small":    always("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + secret),
		"no content with one":   always("HTTP/1.1 204 No Content\r\n\r\n" + secret),
		"bad chunks":            always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secret + "\r\n\r\n"),
		"bad compression":       always("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + strconv.Itoa(len(secret)) + "\r\n\r\n" + secret),
		"a bad length":          always("HTTP/1.1 200 OK\r\nContent-Length: " + canary + "\r\n\r\n"),
		"a bad encoding":        always("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + canary + "\r\n\r\n"),
		"JSON of another shape": always(whole(200, `{"data":"`+canary+`"}`)),
		"no JSON":               always(whole(200, canary)),
		"a bad redirect":        always("HTTP/1.1 307 X\r\nLocation: http://%zz/" + canary + "\r\nContent-Length: 0\r\n\r\n"),
		"a redirect":            always("HTTP/1.1 307 X\r\nLocation: http://vault.test/" + canary + "\r\nContent-Length: 0\r\n\r\n"),
		"the body, refused":     func(body string) string { return refusing(400, "bad request: "+body) },
		"the body, denied":      func(body string) string { return refusing(403, "permission denied: "+body) },
		"the body, failed":      func(body string) string { return refusing(500, body) },
		"the body as a page":    func(body string) string { return whole(502, "<pre>"+body+"</pre>") },
	}
}

// TestHostileResponses_LeakNoSecret checks that no error, log line or output on stderr
// contains a value of the request or the response.
func TestHostileResponses_LeakNoSecret(t *testing.T) {
	var said logbuffer.Buffer
	log.SetOutput(&said)
	defer log.SetOutput(os.Stderr)
	role, secretID := appRole(t)
	t.Run("responses", func(t *testing.T) {
		for name, response := range hostile() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h := newHostileProxy(t, response)
				address := "http://" + h.Addr().String()
				p := vaulttest.Name(t)
				vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": canary + "-old"})
				client, err := vaultkit.New(t.Context(), vaultkit.WithAddress(address), root(), vaultkit.WithTimeouts(vaultkit.Timeouts{Read: shortWait, Write: shortWait}),
					vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper { return tracing{next, &said} }), vaultkit.WithLogger(slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))))
				if err != nil {
					t.Fatal(err)
				}
				h.armed.Store(true)
				ctx, cancel := context.WithTimeout(t.Context(), 2*shortWait)
				_, read := client.GetAPIKey(ctx, p)
				_, put := client.PutProviderKeys(ctx, p+"-new", vaultkit.ProviderKeys{"api_key": canary + "-put"})
				_, rotated := client.Rotate(ctx, p, vaultkit.NewKey(canary+"-rotated"))
				_, direct := client.Vault().Logical().WriteWithContext(ctx, "secret/data/x", map[string]any{"data": map[string]any{"api_key": canary}})
				cancel()
				_, login := vaultkit.New(t.Context(), vaultkit.WithAddress(address), vaultkit.WithTimeouts(vaultkit.Timeouts{Start: shortWait}),
					vaultkit.WithAppRole(vaultkit.AppRole{RoleID: vaultkit.FromString(role), SecretID: vaultkit.FromString(secretID)}))
				for verb, err := range map[string]error{"GetAPIKey": read, "PutProviderKeys": put, "Rotate": rotated, "New": login, "Vault().Logical().Write": direct} {
					if err == nil && !strings.HasPrefix(verb, "Vault()") { // the official client takes more for a success
						t.Errorf("%s = nil, want an error", verb)
						continue
					}
					if text := everyForm(err); strings.Contains(text, "canary") || strings.Contains(text, secretID) {
						t.Errorf("%s: the output contains a secret, want none: %s", verb, text)
					}
				}
				client.Close()
			})
		}
	})
	if text := said.String(); strings.Contains(text, "canary") || strings.Contains(text, secretID) || strings.Contains(text, "Unsolicited") {
		t.Errorf("the log contains a secret, want none: %s", text)
	}
}

// tracing is a transport that logs failures, as OpenTelemetry's does.
type tracing struct {
	http.RoundTripper
	log io.Writer
}

func (t tracing) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		fmt.Fprintln(t.log, everyForm(err))
	}
	return response, err
}

// everyForm prints an error and all of its causes with every verb.
func everyForm(err error) string {
	if err == nil {
		return ""
	}
	encoded, _ := json.Marshal(err)
	text := fmt.Sprintf("%v\n%+v\n%#v\n%q\n%s\n", err, err, err, err, encoded)
	switch err := err.(type) { //nolint:errorlint // each layer in turn
	case interface{ Unwrap() []error }:
		for _, one := range err.Unwrap() {
			text += everyForm(one)
		}
	case interface{ Unwrap() error }:
		text += everyForm(err.Unwrap())
	}
	return text
}

// appRole creates a role without rights and returns its ids.
func appRole(t *testing.T) (roleID, secretID string) {
	t.Helper()
	root, path := vaulttest.Root(t), "auth/approle/role/"+vaulttest.Name(t)
	if _, err := root.Logical().WriteWithContext(t.Context(), path, map[string]any{"token_policies": "default"}); err != nil {
		t.Fatal(err)
	}
	id, err := root.Logical().ReadWithContext(t.Context(), path+"/role-id")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := root.Logical().WriteWithContext(t.Context(), path+"/secret-id", nil)
	if err != nil {
		t.Fatal(err)
	}
	return id.Data["role_id"].(string), secret.Data["secret_id"].(string)
}

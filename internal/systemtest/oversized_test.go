package systemtest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/envfile"
	"goblin/vaultkit/internal/clienttest"
)

// greeting is the response that New needs for its lookup of the token and the mount.
const greeting = `{"data":{"ttl":3600,"renewable":false,"path":"secret/","type":"kv","options":{"version":"2"}}}`

// oversized returns servers whose responses are too large to keep in memory.
func oversized() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"compressed success": compressed(http.StatusOK, `{"data":{"keys":["`, 128),
		"compressed failure": compressed(http.StatusForbidden, `{"errors":["`, 128),
		"compressed outage":  compressed(http.StatusInternalServerError, `{"errors":["`, 128),
		"many small values":  endless(http.StatusOK, `{"data":{"keys":[`, `"",`),
		"endless success":    endless(http.StatusOK, `{"data":{"data":{"api_key":"`, "x"),
		"endless failure":    endless(http.StatusInternalServerError, "", "x"),
		"slow success":       slow(http.StatusOK, `{"data":{"data":{"api_key":"`),
		"slow failure":       slow(http.StatusForbidden, `{"errors":["`),
		"endless header":     endlessHeader,
	}
}

// compressed answers with the given number of MiB, which compress to a thousandth.
func compressed(status int, begin string, mib int) http.HandlerFunc {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = io.WriteString(w, begin)
	part := bytes.Repeat([]byte("x"), 1<<20)
	for range mib {
		_, _ = w.Write(part)
	}
	_ = w.Close()
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		_, _ = w.Write(packed.Bytes())
	}
}

// endless answers until the client closes the connection, or with 512 MiB.
func endless(status int, begin, part string) http.HandlerFunc {
	block := []byte(strings.Repeat(part, 64<<10))
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, begin)
		for sent := 0; sent < 512<<20; sent += len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}

// endlessHeader answers with header lines until the client closes the connection, or with
// 512 MiB.
func endlessHeader(w http.ResponseWriter, _ *http.Request) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	line := []byte("X-Fake: " + strings.Repeat("x", 64<<10) + "\r\n")
	_, err = io.WriteString(connection, "HTTP/1.1 200 OK\r\n")
	for sent := 0; err == nil && sent < 512<<20; sent += len(line) {
		_, err = connection.Write(line)
	}
}

// slow answers with a few bytes a second until the client closes the connection.
func slow(status int, begin string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, begin)
		for tick := time.NewTicker(10 * time.Millisecond); r.Context().Err() == nil; <-tick.C {
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// verbs returns a call of each method that sends requests to Vault.
func verbs(t *testing.T, provider, id string) map[string]func(context.Context, *vaultkit.Client) error {
	t.Helper()
	query := vaultkit.EnvQuery{Providers: []string{provider}}
	file := filepath.Join(t.TempDir(), "env")
	return map[string]func(context.Context, *vaultkit.Client) error{
		"GetAPIKey": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.GetAPIKey(ctx, provider))
		},
		"GetField": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.GetField(ctx, provider, "api_key"))
		},
		"GetProviderKeys": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.GetProviderKeys(ctx, provider))
		},
		"Providers": func(ctx context.Context, c *vaultkit.Client) error { return clienttest.ErrorOf(c.Providers(ctx)) },
		"PutProviderKeys": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.PutProviderKeys(ctx, provider, vaultkit.ProviderKeys{"api_key": "fake"}))
		},
		"Environ": func(ctx context.Context, c *vaultkit.Client) error { return clienttest.ErrorOf(c.Environ(ctx, query)) },
		"LoadEnv": func(ctx context.Context, c *vaultkit.Client) error { return clienttest.ErrorOf(c.LoadEnv(ctx, query)) },
		"WriteEnvFile": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.WriteEnvFile(ctx, file, envfile.Dotenv, query))
		},
		"Rotate": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.Rotate(ctx, provider, vaultkit.NewKey("fake")))
		},
		"RotateAll": func(ctx context.Context, c *vaultkit.Client) error {
			for rotated := range c.RotateAll(ctx, 1, []string{provider}, vaultkit.NewKey("fake")) {
				return rotated.Err
			}
			return nil
		},
		"Rollback": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.Rollback(ctx, provider, id))
		},
		"Recover": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.Recover(ctx, provider))
		},
		"Abort": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.Abort(ctx, provider, id))
		},
		"RevokeOld": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.RevokeOld(ctx, provider, id, &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders()))
		},
		"PruneBackups": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.PruneBackups(ctx, provider, vaultkit.PruneLimits{KeepNewest: 1}))
		},
		"Backups": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.Backups(ctx, provider))
		},
		"History": func(ctx context.Context, c *vaultkit.Client) error {
			return clienttest.ErrorOf(c.History(ctx, provider))
		},
		"Status": func(ctx context.Context, c *vaultkit.Client) error {
			for _, err := range c.Status(ctx, vaultkit.StatusQuery{Providers: []string{provider}}) {
				return err
			}
			return nil
		},
		"Watch": func(ctx context.Context, c *vaultkit.Client) error {
			for _, err := range c.Watch(ctx, provider) {
				return err
			}
			return nil
		},
	}
}

// TestOversizedResponses_VerbsAreComplete checks that verbs has every method that sends
// requests.
func TestOversizedResponses_VerbsAreComplete(t *testing.T) {
	withoutRequests := []string{"Close", "Format", "GoString", "Health", "MarshalJSON", "String", "Vault"}
	tested := verbs(t, "p", "id")
	for method := range reflect.TypeFor[*vaultkit.Client]().Methods() {
		if tested[method.Name] == nil && !slices.Contains(withoutRequests, method.Name) {
			t.Errorf("verbs has no Client.%s, want every method that sends requests", method.Name)
		}
	}
}

// TestOversizedResponses_AreRefused checks that a response of any size uses little memory
// and no more time than the timeout.
func TestOversizedResponses_AreRefused(t *testing.T) {
	p, ids := clienttest.PutRotatedProvider(t, 1)
	for kind, answer := range oversized() {
		var armed atomic.Bool
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if armed.Load() {
				answer(w, r)
				return
			}
			_, _ = io.WriteString(w, greeting)
		})
		const wait = 50 * time.Millisecond
		client := clienttest.New(t, vaultkit.WithAddress(server.URL), vaultkit.WithToken(vaultkit.FromString("fake-token")), clienttest.WithRecordWait(wait),
			vaultkit.WithTimeouts(vaultkit.Timeouts{Read: wait, Write: wait}))
		armed.Store(true)
		for verb, call := range verbs(t, p, ids[0]) {
			var err error
			inLittleMemory(t, verb+", "+kind, func() { err = call(t.Context(), client) })
			if err == nil || errors.Is(err, vaultkit.ErrNotFound) || errors.Is(err, vaultkit.ErrConflict) {
				t.Errorf("%s, %s = %v, want an error other than ErrNotFound and ErrConflict", verb, kind, err)
			}
			if err != nil && len(err.Error()) > 2000 {
				t.Errorf("%s, %s: the error has %d bytes, want at most 2000", verb, kind, len(err.Error()))
			}
			if slow := strings.HasPrefix(kind, "slow"); slow && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, %s = %v, want DeadlineExceeded", verb, kind, err)
			}
		}
	}
}

// serve starts a server that ends with the test.
func serve(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server
}

// inLittleMemory fails if the heap grows by more than 100 MB while f runs.
func inLittleMemory(t *testing.T, what string, f func()) {
	t.Helper()
	runtime.GC()
	usual, peak := heap(), uint64(0)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.NewTicker(time.Millisecond); ; {
			peak = max(peak, heap())
			select {
			case <-tick.C:
			case <-done:
				tick.Stop()
				return
			}
		}
	}()
	f()
	close(done)
	<-ended
	if peak > usual+100e6 {
		t.Errorf("%s: the heap grows by %d MB, want at most 100", what, (peak-usual)/1e6)
	}
}

// heap returns the size of the heap's objects, garbage included.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func TestOversizedResponse_ErrorSaysSo(t *testing.T) {
	large := oversized()["compressed success"]
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/secret/") {
			_, _ = io.WriteString(w, greeting)
			return
		}
		large(w, r)
	})
	client := clienttest.New(t, vaultkit.WithAddress(server.URL), vaultkit.WithToken(vaultkit.FromString("fake-token")))
	_, err := client.GetAPIKey(t.Context(), "p")
	const want = "vaultkit: GetAPIKey p: response too large: more than 8388608 bytes; " +
		"the secret or list is larger than vaultkit reads, or the server at this address is not Vault"
	if err == nil || err.Error() != want {
		t.Errorf("GetAPIKey = %v, want %s", err, want)
	}
}

func TestOversizedResponses_ToALogin(t *testing.T) {
	for kind, answer := range oversized() {
		server := serve(t, answer)
		options := []vaultkit.Option{
			vaultkit.WithAddress(server.URL), vaultkit.WithToken(vaultkit.FromString("fake-token")), clienttest.WithBackoff(clienttest.QuickBackoff),
			vaultkit.WithTimeouts(vaultkit.Timeouts{Start: 50 * time.Millisecond}), clienttest.WithCheckTimeout(500 * time.Millisecond),
		}
		var err error
		inLittleMemory(t, "New, "+kind, func() { _, err = vaultkit.New(t.Context(), options...) })
		if err == nil {
			t.Errorf("New, %s = nil error, want an error", kind)
		}
		var found doctor.Finding
		inLittleMemory(t, "Diagnose, "+kind, func() {
			for found = range doctor.Diagnose(t.Context(), doctor.Query{}, options...) {
				if found.Status == doctor.Failed {
					break
				}
			}
		})
		if found.Err == nil {
			t.Errorf("Diagnose, %s: no finding has an error, want one", kind)
		}
	}
}

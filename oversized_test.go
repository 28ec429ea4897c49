package vaultkit_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goblin/vaultkit"
)

// greeting is enough for New: the token looks itself up, and the mount is looked for.
const greeting = `{"data":{"ttl":3600,"renewable":false,"path":"secret/","type":"kv","options":{"version":"2"}}}`

// oversized are servers that answer with more than a program can hold.
func oversized() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"compressed success": compressed(http.StatusOK, `{"data":{"keys":["`, 128),
		"compressed failure": compressed(http.StatusForbidden, `{"errors":["`, 128),
		"compressed outage":  compressed(http.StatusInternalServerError, `{"errors":["`, 128),
		"many small values":  endless(http.StatusOK, `{"data":{"keys":[`, `"",`),
		"endless success":    endless(http.StatusOK, `{"data":{"data":{"api_key":"`, "x"),
		"endless failure":    endless(http.StatusInternalServerError, "", "x"),
		"endless header": func(w http.ResponseWriter, _ *http.Request) {
			for range 1 << 10 {
				w.Header().Add("X-Fake", strings.Repeat("x", 1<<10))
			}
		},
	}
}

// compressed answers with so many MiB, which take a thousandth of that on the wire.
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

// endless answers until the client has had enough, or 512 MiB.
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

// verbs calls each verb that asks Vault for something.
func verbs(provider, id string) map[string]func(context.Context, *vaultkit.Client) error {
	return map[string]func(context.Context, *vaultkit.Client) error{
		"GetAPIKey":       func(ctx context.Context, c *vaultkit.Client) error { return second(c.GetAPIKey(ctx, provider)) },
		"GetProviderKeys": func(ctx context.Context, c *vaultkit.Client) error { return second(c.GetProviderKeys(ctx, provider)) },
		"Providers":       func(ctx context.Context, c *vaultkit.Client) error { return second(c.Providers(ctx)) },
		"PutProviderKeys": func(ctx context.Context, c *vaultkit.Client) error {
			return second(c.PutProviderKeys(ctx, provider, vaultkit.ProviderKeys{"api_key": "fake"}))
		},
		"Environ": func(ctx context.Context, c *vaultkit.Client) error {
			return second(c.Environ(ctx, vaultkit.EnvQuery{Providers: []string{provider}}))
		},
		"Rotate": func(ctx context.Context, c *vaultkit.Client) error {
			return second(c.Rotate(ctx, provider, vaultkit.NewKey("fake")))
		},
		"Rollback": func(ctx context.Context, c *vaultkit.Client) error { return second(c.Rollback(ctx, provider, id)) },
		"Recover":  func(ctx context.Context, c *vaultkit.Client) error { return second(c.Recover(ctx, provider)) },
		"Abort":    func(ctx context.Context, c *vaultkit.Client) error { return second(c.Abort(ctx, provider, id)) },
		"RevokeOld": func(ctx context.Context, c *vaultkit.Client) error {
			return second(c.RevokeOld(ctx, provider, id, &revoker{}, alone))
		},
		"PruneBackups": func(ctx context.Context, c *vaultkit.Client) error {
			return second(c.PruneBackups(ctx, provider, vaultkit.PruneLimits{KeepNewest: 1}))
		},
		"Backups": func(ctx context.Context, c *vaultkit.Client) error { return second(c.Backups(ctx, provider)) },
		"History": func(ctx context.Context, c *vaultkit.Client) error { return second(c.History(ctx, provider)) },
		"Status": func(ctx context.Context, c *vaultkit.Client) error {
			for _, err := range c.Status(ctx, vaultkit.StatusQuery{Providers: []string{provider}}) {
				return err
			}
			return nil
		},
	}
}

// TestOversizedAnswersAreRefused: an answer costs little memory, whatever its size. The
// bound is on all that is allocated for an answer, which is more than it ever holds; of
// a verb's answers no more than two are read at once here.
func TestOversizedAnswersAreRefused(t *testing.T) {
	const limit = 50 << 20 // for each of two
	p, ids := rotatedTimes(t, 1)
	for kind, answer := range oversized() {
		var armed atomic.Bool
		var answers atomic.Uint64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if armed.Load() {
				answers.Add(1)
				answer(w, r)
				return
			}
			_, _ = io.WriteString(w, greeting)
		}))
		defer server.Close()
		client := newClient(t, vaultkit.WithAddress(server.URL), vaultkit.WithToken(vaultkit.Value("fake-token")), vaultkit.WithRecordWait(50*time.Millisecond),
			vaultkit.WithTimeouts(vaultkit.Timeouts{Read: 50 * time.Millisecond, Write: 50 * time.Millisecond}))
		armed.Store(true)
		for verb, call := range verbs(p, ids[0]) {
			answers.Store(0)
			before := allocated()
			err := call(t.Context(), client)
			if used := (allocated() - before) / max(answers.Load(), 1); used > limit {
				t.Errorf("%s, %s: allocates %d MiB for each of %d answers", verb, kind, used>>20, answers.Load())
			}
			if err == nil || errors.Is(err, vaultkit.ErrNotFound) {
				t.Errorf("%s, %s: %v, want a failure", verb, kind, err)
			}
			if err != nil && len(err.Error()) > 2000 {
				t.Errorf("%s, %s: the error has %d bytes", verb, kind, len(err.Error()))
			}
		}
	}
}

// allocated is how much memory this process has asked for so far.
func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

func TestOversizedAnswerIsSaidToBeOne(t *testing.T) {
	large := oversized()["compressed success"]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/secret/") {
			_, _ = io.WriteString(w, greeting)
			return
		}
		large(w, r)
	}))
	defer server.Close()
	client := newClient(t, vaultkit.WithAddress(server.URL), vaultkit.WithToken(vaultkit.Value("fake-token")))
	_, err := client.GetAPIKey(t.Context(), "p")
	const want = "vaultkit: GetAPIKey p: answer too large: it has more than 8388608 bytes; " +
		"the secret or list is larger than vaultkit reads, or something else than Vault answers at this address"
	if err == nil || err.Error() != want {
		t.Errorf("GetAPIKey = %v, want %s", err, want)
	}
}

func TestOversizedAnswerToALogin(t *testing.T) {
	for kind, answer := range oversized() {
		server := httptest.NewServer(answer)
		defer server.Close()
		before := allocated()
		_, err := vaultkit.New(t.Context(), vaultkit.WithAddress(server.URL), vaultkit.WithToken(vaultkit.Value("fake-token")), vaultkit.WithBackoff(quick),
			vaultkit.WithTimeouts(vaultkit.Timeouts{Start: 50 * time.Millisecond}))
		if used := allocated() - before; used > 100<<20 || err == nil {
			t.Errorf("New, %s: %v, allocates %d MiB", kind, err, used>>20)
		}
	}
}

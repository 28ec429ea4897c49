package session_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

func TestOpen_SealedServerFailsAtOnce(t *testing.T) {
	h := newHarness(t)
	by := h.method(nil)
	if err := h.server.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	h.refused(by, vaulterr.ErrSealed)
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("Open took %v, want at most 3s", took)
	}
	if err := h.server.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.mustDo(h.mustOpen(by))
}

func TestOpen_RetriesUntilStartWait(t *testing.T) {
	h := newHarness(t)
	nobody := httptest.NewServer(nil)
	nobody.Close()
	c := h.client()
	if err := c.SetAddress(nobody.URL); err != nil {
		t.Fatal(err)
	}
	config := session.Config{Client: c, Login: h.method(nil), Logger: h.logs.Logger(), StartWait: time.Second}
	start := time.Now()
	_, err := session.Open(t.Context(), config)
	if took := time.Since(start); !errors.Is(err, vaulterr.ErrUnavailable) || took < 500*time.Millisecond || took > 5*time.Second {
		t.Errorf("Open = %v after %v, want ErrUnavailable", err, took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	config.StartWait = time.Minute
	if _, err := session.Open(ctx, config); !errors.Is(err, vaulterr.ErrUnavailable) {
		t.Errorf("Open = %v, want ErrUnavailable", err)
	}
}

func TestOpen_UntrustedCertificateFailsAtOnce(t *testing.T) {
	h := newHarness(t)
	other := httptest.NewUnstartedServer(nil)
	other.Config.ErrorLog = log.New(io.Discard, "", 0)
	other.StartTLS()
	defer other.Close()
	c := h.client()
	if err := c.SetAddress(other.URL); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err := session.Open(t.Context(), session.Config{Client: c, Login: h.method(nil)})
	if took := time.Since(start); !errors.Is(err, vaulterr.ErrUnavailable) || took > 3*time.Second {
		t.Errorf("Open = %v after %v, want ErrUnavailable", err, took)
	}
}

func TestOpen_RefusesUnusableSettings(t *testing.T) {
	h := newHarness(t)
	by := session.Token(session.FromString("fake"))
	for name, config := range map[string]session.Config{
		"no client":        {Login: by},
		"no login":         {Client: h.client()},
		"negative timeout": {Client: h.client(), Login: by, RequestTimeout: -1},
		"negative wait":    {Client: h.client(), Login: by, StartWait: -1},
	} {
		if _, err := session.Open(t.Context(), config); !errors.Is(err, vaulterr.ErrInvalid) {
			t.Errorf("Open with %s = %v, want ErrInvalid", name, err)
		}
	}
}

func TestOpen_CanceledContext(t *testing.T) {
	h := newHarness(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := session.Open(ctx, session.Config{Client: h.client(), Login: h.method(nil)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Open = %v, want Canceled", err)
	}
}

func TestOpen_IgnoresTheEnvironment(t *testing.T) {
	h := newHarness(t)
	by := h.method(nil)
	t.Setenv("VAULT_TOKEN", "hvs.fake-junk")
	t.Setenv("VAULT_NAMESPACE", "fake-junk")
	t.Setenv("VAULT_HEADERS", `{"X-Fake-Junk":"junk"}`)
	t.Setenv("VAULT_WRAP_TTL", "5m")
	t.Setenv("VAULT_ADDR", "http://fake.invalid")
	s := h.mustOpen(by)
	h.revoke(s)
	var headers http.Header
	err := s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
		headers = c.Headers()
		response, err := c.Logical().ReadWithContext(ctx, probePath)
		if err == nil && response.Data == nil {
			t.Error("the response is wrapped, want VAULT_WRAP_TTL ignored")
		}
		return err
	})
	if err != nil || headers.Get("X-Vault-Namespace") != "" {
		t.Errorf("Do = %v with headers %v, want no error and no namespace", err, headers)
	}
	if h.logins() != 2 {
		t.Errorf("%d logins, want 2", h.logins())
	}
}

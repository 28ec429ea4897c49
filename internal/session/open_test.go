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

func TestOpenFailsAtOnceOnASealedServer(t *testing.T) {
	h := newHarness(t)
	by := h.method(nil)
	if err := server.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	h.refused(by, vaulterr.ErrSealed)
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	if err := server.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.mustDo(h.mustOpen(by))
}

func TestOpenRidesOutAnUnreachableServerForAWhile(t *testing.T) {
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
		t.Errorf("Open = %v after %v", err, took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	config.StartWait = time.Minute
	if _, err := session.Open(ctx, config); !errors.Is(err, vaulterr.ErrUnavailable) {
		t.Errorf("Open = %v", err)
	}
}

func TestOpenRefusesAnUntrustedCertificateAtOnce(t *testing.T) {
	h := newHarness(t)
	stranger := httptest.NewUnstartedServer(nil)
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	defer stranger.Close()
	c := h.client()
	if err := c.SetAddress(stranger.URL); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err := session.Open(t.Context(), session.Config{Client: c, Login: h.method(nil)})
	if took := time.Since(start); !errors.Is(err, vaulterr.ErrUnavailable) || took > 3*time.Second {
		t.Errorf("Open = %v after %v", err, took)
	}
}

func TestOpenRefusesUnusableSettings(t *testing.T) {
	h := newHarness(t)
	by := session.Token(session.FromString("fake"))
	for name, config := range map[string]session.Config{
		"no client":        {Login: by},
		"no login":         {Client: h.client()},
		"negative timeout": {Client: h.client(), Login: by, RequestTimeout: -1},
		"negative wait":    {Client: h.client(), Login: by, StartWait: -1},
	} {
		if _, err := session.Open(t.Context(), config); !errors.Is(err, vaulterr.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenWithACancelledContext(t *testing.T) {
	h := newHarness(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := session.Open(ctx, session.Config{Client: h.client(), Login: h.method(nil)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Open = %v", err)
	}
}

func TestEnvironmentDoesNotDisturb(t *testing.T) {
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
		answer, err := c.Logical().ReadWithContext(ctx, probePath)
		if err == nil && answer.Data == nil {
			t.Error("the answer was wrapped")
		}
		return err
	})
	if err != nil || headers.Get("X-Vault-Namespace") != "" {
		t.Errorf("Do = %v with headers %v", err, headers)
	}
	if h.logins() != 2 {
		t.Errorf("%d logins, want 2", h.logins())
	}
}

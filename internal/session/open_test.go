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
	w := newWorld(t)
	by := w.method(nil)
	if err := server.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	w.refused(by, vaulterr.ErrSealed)
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	if err := server.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.mustDo(w.mustOpen(by))
}

func TestOpenRidesOutAnUnreachableServerForAWhile(t *testing.T) {
	w := newWorld(t)
	nobody := httptest.NewServer(nil)
	nobody.Close()
	c := w.client()
	if err := c.SetAddress(nobody.URL); err != nil {
		t.Fatal(err)
	}
	config := session.Config{Client: c, Login: w.method(nil), Logger: w.logs.Logger(), StartWait: time.Second}
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
	w := newWorld(t)
	stranger := httptest.NewUnstartedServer(nil)
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	defer stranger.Close()
	c := w.client()
	if err := c.SetAddress(stranger.URL); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err := session.Open(t.Context(), session.Config{Client: c, Login: w.method(nil)})
	if took := time.Since(start); !errors.Is(err, vaulterr.ErrUnavailable) || took > 3*time.Second {
		t.Errorf("Open = %v after %v", err, took)
	}
}

func TestOpenRefusesUnusableSettings(t *testing.T) {
	w := newWorld(t)
	by := session.Token(session.Value("fake"))
	for name, config := range map[string]session.Config{
		"no client":        {Login: by},
		"no login":         {Client: w.client()},
		"negative timeout": {Client: w.client(), Login: by, RequestTimeout: -1},
		"negative wait":    {Client: w.client(), Login: by, StartWait: -1},
	} {
		if _, err := session.Open(t.Context(), config); !errors.Is(err, vaulterr.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenWithACancelledContext(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := session.Open(ctx, session.Config{Client: w.client(), Login: w.method(nil)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Open = %v", err)
	}
}

func TestEnvironmentDoesNotDisturb(t *testing.T) {
	w := newWorld(t)
	by := w.method(nil)
	t.Setenv("VAULT_TOKEN", "hvs.fake-junk")
	t.Setenv("VAULT_NAMESPACE", "fake-junk")
	t.Setenv("VAULT_HEADERS", `{"X-Fake-Junk":"junk"}`)
	t.Setenv("VAULT_WRAP_TTL", "5m")
	t.Setenv("VAULT_ADDR", "http://fake.invalid")
	s := w.mustOpen(by)
	w.revoke(s)
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
	if w.logins() != 2 {
		t.Errorf("%d logins, want 2", w.logins())
	}
}

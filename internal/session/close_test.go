package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

func TestClose_RevokesItsToken(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(nil))
	token := s.Client().Token()
	if h.lookup(token) == nil {
		t.Fatal("lookup before Close finds no session token, want one")
	}
	if s.Closed() {
		t.Error("Closed before Close = true, want false")
	}
	for range 2 {
		if err := s.Close(); err != nil || !s.Closed() {
			t.Errorf("Close = %v, Closed = %t, want no error and true", err, s.Closed())
		}
	}
	if h.lookup(token) != nil {
		t.Error("the token is valid after Close, want it revoked")
	}
	if s.Client().Token() != "" {
		t.Error("Client().Token() after Close is set, want none")
	}
	if err := h.do(s); !errors.Is(err, vaulterr.ErrClosed) {
		t.Errorf("Do after Close = %v, want ErrClosed", err)
	}
}

func TestClose_InvalidTokenLogsNoWarning(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(nil))
	h.revoke(s)
	if err := s.Close(); err != nil || strings.Contains(h.logs.String(), "WARN") {
		t.Errorf("Close = %v, log %s, want no error and no warning", err, h.logs)
	}
}

// TestClose_BatchTokenLogsNoWarning checks that Close does not try to revoke a batch
// token, because Vault cannot.
func TestClose_BatchTokenLogsNoWarning(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(map[string]any{"token_type": "batch"}))
	h.mustDo(s)
	if err := s.Close(); err != nil || strings.Contains(h.logs.String(), "WARN") {
		t.Errorf("Close = %v, log %s, want no warning", err, h.logs)
	}
}

func TestClose_WaitsForRunningCalls(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(nil))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				err := h.do(s)
				switch {
				case errors.Is(err, vaulterr.ErrClosed):
					return
				case err != nil:
					t.Errorf("Do = %v, want no error", err)
					return
				}
			}
		})
	}
	inside, leave := make(chan struct{}), make(chan struct{})
	all.Go(func() {
		err := s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			close(inside)
			<-leave
			return read(probePath)(ctx, c)
		})
		if err != nil {
			t.Errorf("Do during Close = %v, want no error", err)
		}
	})
	<-inside
	closed := make(chan struct{})
	for range 2 {
		all.Go(func() { _ = s.Close() })
	}
	go func() { _ = s.Close(); close(closed) }()
	select {
	case <-closed:
		t.Error("Close returned before the running call, want it to wait")
	case <-time.After(100 * time.Millisecond):
	}
	close(leave)
	<-closed
	all.Wait()
}

func TestSession_PrintsNoSecret(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(nil))
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	h.logs.Logger().Info("session", "session", s)
	if said := string(text) + s.String(); !strings.Contains(said, "approle") {
		t.Errorf("the session prints as %s, want the login method", said)
	}
	// newHarness's clean-up searches the log for secrets.
}

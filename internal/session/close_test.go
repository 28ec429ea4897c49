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

func TestCloseRevokesWhatItGot(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(nil))
	token := s.Client().Token()
	if h.lookup(token) == nil {
		t.Fatal("root cannot see the session's token")
	}
	if s.Closed() {
		t.Error("closed before Close")
	}
	for range 2 {
		if err := s.Close(); err != nil || !s.Closed() {
			t.Errorf("Close = %v", err)
		}
	}
	if h.lookup(token) != nil {
		t.Error("the token is still valid")
	}
	if s.Client().Token() != "" {
		t.Error("the shared client still holds the token")
	}
	if err := h.do(s); !errors.Is(err, vaulterr.ErrClosed) {
		t.Errorf("Do after Close = %v", err)
	}
}

func TestCloseOfALostTokenIsQuiet(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(nil))
	h.revoke(s)
	if err := s.Close(); err != nil || strings.Contains(h.logs.String(), "WARN") {
		t.Errorf("Close = %v, log %s", err, h.logs)
	}
}

// TestCloseOfABatchTokenIsQuiet: Vault cannot revoke one.
func TestCloseOfABatchTokenIsQuiet(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(map[string]any{"token_type": "batch"}))
	h.mustDo(s)
	if err := s.Close(); err != nil || strings.Contains(h.logs.String(), "WARN") {
		t.Errorf("Close = %v, log %s, want no warning", err, h.logs)
	}
}

func TestCloseWaitsForRunningCalls(t *testing.T) {
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
					t.Errorf("Do = %v", err)
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
			t.Errorf("the running call = %v", err)
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
		t.Error("Close did not wait")
	case <-time.After(100 * time.Millisecond):
	}
	close(leave)
	<-closed
	all.Wait()
}

func TestNothingPrintsASecret(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(nil))
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	h.logs.Logger().Info("session", "session", s)
	if said := string(text) + s.String(); !strings.Contains(said, "approle") {
		t.Errorf("a session prints as %s", said)
	}
	// newWorld's clean-up greps the log.
}

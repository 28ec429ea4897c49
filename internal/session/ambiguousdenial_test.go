package session_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// denySameText lets the harness's sessions meet a server that uses the same text for an
// invalid token and a missing right. It is the real server behind a proxy that gives every
// 403 the text of OpenBao 2.6. lookups returns how many lookup-self requests passed the
// proxy.
func (h *harness) denySameText() (lookups func() int) {
	h.Helper()
	proxy, err := faultproxy.New(h.server.Addr())
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			h.Error(err)
		}
	})
	proxy.SetRule(faultproxy.OnEvery("", "", faultproxy.DenySameText()))
	h.address = proxy.URL()
	return func() (n int) {
		for _, r := range proxy.Log() {
			if r.Path == "auth/token/lookup-self" {
				n++
			}
		}
		return n
	}
}

// wantLogins compares the number of logins so far.
func (h *harness) wantLogins(want int) {
	h.Helper()
	if n := h.logins(); n != want {
		h.Errorf("%d logins, want %d", n, want)
	}
}

func TestAmbiguousDenial_RevokedToken(t *testing.T) {
	for name, policy := range map[string]bool{"may look itself up": false, "may not": true} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.denySameText()
			s := h.mustOpen(h.method(map[string]any{"token_no_default_policy": policy}))
			h.mustDo(s)
			h.revoke(s)
			for range 5 {
				h.mustDo(s)
			}
			h.wantLogins(2)
		})
	}
}

func TestAmbiguousDenial_TokenAtItsMaximumTTL(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.denySameText()
	s := h.mustOpen(h.method(map[string]any{"token_ttl": "2s", "token_max_ttl": "2s"}))
	for start := time.Now(); time.Since(start) < 5*time.Second; time.Sleep(20 * time.Millisecond) {
		h.mustDo(s)
	}
	if n := h.logins(); n < 3 || n > 6 {
		t.Errorf("%d logins in 5 s with tokens that live 2 s, want 3 to 6", n)
	}
}

func TestAmbiguousDenial_TokenWithFewUses(t *testing.T) {
	h := newHarness(t)
	lookups := h.denySameText()
	s := h.mustOpen(h.method(map[string]any{"token_num_uses": 3}))
	for range 12 {
		h.mustDo(s)
	}
	h.wantLogins(4)
	if n := lookups(); n != 1 {
		t.Errorf("%d lookups, want only the one of an unknown token: others cost a use", n)
	}
}

func TestAmbiguousDenial_MissingRight(t *testing.T) {
	h := newHarness(t)
	lookups := h.denySameText()
	s := h.mustOpen(h.method(nil))
	for range 20 {
		if err := h.err(s.Do(t.Context(), read(deniedPath))); !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied) {
			t.Fatalf("Do = %v, want ErrPermissionDenied", err)
		}
	}
	h.wantLogins(1)
	if n := lookups(); n != 2 {
		t.Errorf("%d lookups for 20 denials of one request, want one of an unknown token and one of the session's", n)
	}
}

func TestAmbiguousDenial_StaticToken(t *testing.T) {
	h := newHarness(t)
	h.denySameText()
	path := h.file(h.token(api.TokenCreateRequest{}))
	s := h.mustOpen(session.Token(session.FromFile(path)))
	h.mustDo(s)
	h.revoke(s)
	if err := h.do(s); !errors.Is(vaulterr.Kind(err), vaulterr.ErrUnauthenticated) {
		t.Errorf("Do with an invalid token = %v, want ErrUnauthenticated", err)
	}
	h.write(path, h.token(api.TokenCreateRequest{}))
	h.eventually(40*time.Second, "Do succeeds with the file's new token", func() bool { return h.do(s) == nil })
}

// TestAmbiguousDenial_StaticTokenAtTheStart checks that Open tells a token that the server does
// not know from one that may not look itself up.
func TestAmbiguousDenial_StaticTokenAtTheStart(t *testing.T) {
	h := newHarness(t)
	h.denySameText()
	h.refused(session.Token(session.FromString(h.secret("hvs.fake-unknown-token"))), vaulterr.ErrUnauthenticated)
	narrow := h.token(api.TokenCreateRequest{NoDefaultPolicy: true})
	h.mustDo(h.mustOpen(session.Token(session.FromString(narrow))))
}

func TestAmbiguousDenial_CloseOfAnInvalidTokenLogsNoWarning(t *testing.T) {
	h := newHarness(t)
	h.denySameText()
	s := h.mustOpen(h.method(nil))
	h.revoke(s)
	if err := s.Close(); err != nil || strings.Contains(h.logs.String(), "WARN") {
		t.Errorf("Close = %v, log %s, want no error and no warning", err, h.logs)
	}
}

// TestDo_VaultNamesInvalidTokens checks that a real Vault's denials cause no login,
// because its text for invalid tokens differs.
func TestDo_VaultNamesInvalidTokens(t *testing.T) {
	for name, settings := range map[string]map[string]any{
		"usual": nil, "may not look itself up": {"token_no_default_policy": true}, "uses are counted": {"token_num_uses": 100},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			s := h.mustOpen(h.method(settings))
			for range 20 {
				if err := h.err(s.Do(t.Context(), read(deniedPath))); !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied) {
					t.Fatalf("Do = %v, want ErrPermissionDenied", err)
				}
			}
			h.wantLogins(1)
		})
	}
}

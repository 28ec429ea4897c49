package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// vague has the world's sessions meet a server that says the same of a token that has
// ended and of a right that is missing: the real one behind a proxy that gives every
// 403 the text of OpenBao 2.6. It returns how often lookup-self was asked.
func (w *world) vague() (lookups func() int) {
	w.Helper()
	proxy, err := faultproxy.New(server.Addr())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			w.Error(err)
		}
	})
	proxy.SetRule(faultproxy.OnEvery("", "", faultproxy.DenyAlike()))
	w.address = proxy.URL()
	return func() (n int) {
		for _, r := range proxy.Log() {
			if r.Path == "auth/token/lookup-self" {
				n++
			}
		}
		return n
	}
}

// wantLogins compares the logins so far.
func (w *world) wantLogins(want int) {
	w.Helper()
	if n := w.logins(); n != want {
		w.Errorf("%d logins, want %d", n, want)
	}
}

func TestVagueServerRevokesTheToken(t *testing.T) {
	for name, policy := range map[string]bool{"may look itself up": false, "may not": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.vague()
			s := w.mustOpen(w.method(map[string]any{"token_no_default_policy": policy}))
			w.mustDo(s)
			w.revoke(s)
			for range 5 {
				w.mustDo(s)
			}
			w.wantLogins(2)
		})
	}
}

func TestVagueServerEndsTheTokenAtItsMaximum(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.vague()
	s := w.mustOpen(w.method(map[string]any{"token_ttl": "2s", "token_max_ttl": "2s"}))
	for start := time.Now(); time.Since(start) < 5*time.Second; time.Sleep(20 * time.Millisecond) {
		w.mustDo(s)
	}
	if n := w.logins(); n < 3 || n > 6 {
		t.Errorf("%d logins in 5 s of tokens that live 2 s", n)
	}
}

func TestVagueServerCountsUses(t *testing.T) {
	w := newWorld(t)
	lookups := w.vague()
	s := w.mustOpen(w.method(map[string]any{"token_num_uses": 3}))
	for range 12 {
		w.mustDo(s)
	}
	w.wantLogins(4)
	if n := lookups(); n != 1 {
		t.Errorf("%d questions, want that with an unknown token alone: a question costs a use", n)
	}
}

func TestVagueServerDenies(t *testing.T) {
	w := newWorld(t)
	lookups := w.vague()
	s := w.mustOpen(w.method(nil))
	for range 20 {
		if err := w.err(s.Do(t.Context(), read(deniedPath))); !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied) {
			t.Fatalf("Do = %v, want ErrPermissionDenied", err)
		}
	}
	w.wantLogins(1)
	if n := lookups(); n != 2 {
		t.Errorf("%d questions for 20 denials of the same request, want one with an unknown token and one with its own", n)
	}
}

func TestVagueServerAndABareToken(t *testing.T) {
	w := newWorld(t)
	w.vague()
	path := w.file(w.token(api.TokenCreateRequest{}))
	s := w.mustOpen(session.Token(session.File(path)))
	w.mustDo(s)
	w.revoke(s)
	if err := w.do(s); !errors.Is(vaulterr.Kind(err), vaulterr.ErrUnauthenticated) {
		t.Errorf("Do with an ended token = %v, want ErrUnauthenticated", err)
	}
	w.write(path, w.token(api.TokenCreateRequest{}))
	w.eventually(40*time.Second, "the new token of the file is used", func() bool { return w.do(s) == nil })
}

// TestVaultNamesATokenThatHasEnded: so that a denial by it costs one question in ten
// minutes, and no login, whatever the token.
func TestVaultNamesATokenThatHasEnded(t *testing.T) {
	for name, settings := range map[string]map[string]any{
		"usual": nil, "may not look itself up": {"token_no_default_policy": true}, "uses are counted": {"token_num_uses": 100},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.mustOpen(w.method(settings))
			for range 20 {
				if err := w.err(s.Do(t.Context(), read(deniedPath))); !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied) {
					t.Fatalf("Do = %v, want ErrPermissionDenied", err)
				}
			}
			w.wantLogins(1)
		})
	}
}

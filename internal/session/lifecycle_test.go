package session_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/realvault"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

func TestRenewer_RenewsThenReplacesAtTheMaximumTTL(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	s := h.mustOpen(h.method(map[string]any{"token_ttl": "3s", "token_max_ttl": "6s"}))
	first := s.Client().Token()
	start := time.Now()
	for ; time.Since(start) < 3500*time.Millisecond; time.Sleep(20 * time.Millisecond) {
		h.mustDo(s)
	}
	if s.Client().Token() != first {
		t.Error("the token was replaced after its first TTL, want it renewed")
	}
	for ; time.Since(start) < 9*time.Second; time.Sleep(20 * time.Millisecond) {
		h.mustDo(s)
	}
	if s.Client().Token() == first {
		t.Error("the token is the same after its maximum TTL, want another one")
	}
	if n := h.logins(); n < 2 || n > 4 {
		t.Errorf("%d logins in 9 s, want 2 to 4", n)
	}
}

func TestRenewer_TokenWithoutTheRightToRenew(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	s := h.mustOpen(h.method(map[string]any{"token_ttl": "3s", "token_no_default_policy": true}))
	for start := time.Now(); time.Since(start) < 5*time.Second; time.Sleep(20 * time.Millisecond) {
		h.mustDo(s)
	}
	if n := h.logins(); n < 2 || n > 5 {
		t.Errorf("%d logins in 5 s, want 2 to 5", n)
	}
}

func TestDo_RevokedTokenCausesOneLogin(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(nil))
	h.revoke(s)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if err := h.do(s); err != nil {
				t.Errorf("Do = %v, want no error", err)
			}
		})
	}
	all.Wait()
	if n := h.logins(); n != 2 {
		t.Errorf("%d logins, want the first and one more", n)
	}
}

func TestDo_LateRefusalCausesNoSecondLogin(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(nil))
	inside, revoked, late := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	calls := 0
	go func() {
		late <- s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			if calls++; calls == 1 {
				close(inside)
				<-revoked
			}
			return read(probePath)(ctx, c)
		})
	}()
	<-inside
	h.revoke(s)
	h.mustDo(s) // another caller logs in meanwhile
	close(revoked)
	if err := <-late; err != nil || calls != 2 {
		t.Errorf("Do = %v after %d calls, want no error after 2", err, calls)
	}
	if n := h.logins(); n != 2 {
		t.Errorf("%d logins, want the first and one more", n)
	}
}

func TestDo_DenialByVaultCausesNoLogin(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(nil))
	calls := 0
	err := s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
		calls++
		return read(deniedPath)(ctx, c)
	})
	if !errors.Is(vaulterr.Kind(h.err(err)), vaulterr.ErrPermissionDenied) {
		t.Errorf("Do = %v, want ErrPermissionDenied", err)
	}
	if calls != 1 || h.logins() != 1 {
		t.Errorf("%d calls, %d logins, want 1 and 1", calls, h.logins())
	}
}

func TestDo_RepeatsARequestOnce(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(nil))
	calls := 0
	refused := &api.ResponseError{StatusCode: http.StatusForbidden, Errors: []string{"permission denied", "invalid token"}}
	err := s.Do(t.Context(), func(context.Context, *api.Client) error {
		calls++
		return refused
	})
	if calls != 2 || !vaulterr.InvalidToken(err) {
		t.Errorf("Do = %v after %d calls, want an invalid token's error after 2", err, calls)
	}
}

// TestDo_RefusedNewTokensCauseFewLogins checks that many callers whose new token is also
// refused do not log in once each.
func TestDo_RefusedNewTokensCauseFewLogins(t *testing.T) {
	h := newHarness(t)
	proxy, err := faultproxy.New(h.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	client := h.client()
	if err := client.SetAddress(proxy.URL()); err != nil {
		t.Fatal(err)
	}
	s, err := session.Open(t.Context(), session.Config{Client: client, Login: h.method(nil), Logger: h.logs.Logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	behind := faultproxy.Error(http.StatusForbidden, `{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}`, false)
	proxy.SetRule(faultproxy.OnEvery(http.MethodGet, probePath, behind))
	start := time.Now()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 10 {
				if err := h.do(s); !errors.Is(vaulterr.Kind(err), vaulterr.ErrUnauthenticated) {
					t.Errorf("Do = %v, want ErrUnauthenticated", err)
				}
			}
		})
	}
	all.Wait()
	if n, took := h.logins(), time.Since(start); n < 2 || n > 2+int(took/time.Second) {
		t.Errorf("%d logins in %v, want the first and one more", n, took)
	}
	proxy.SetRule(nil)
	h.mustDo(s)
}

func TestDo_LimitsEachAttempt(t *testing.T) {
	h := newHarness(t)
	s, err := session.Open(t.Context(), session.Config{
		Client: h.client(), Login: h.method(nil), RequestTimeout: 300 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var inner context.Context
	err = s.Do(t.Context(), func(ctx context.Context, _ *api.Client) error {
		inner = ctx
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, context.DeadlineExceeded) || inner.Err() == nil {
		t.Errorf("Do = %v, want DeadlineExceeded", err)
	}
	if err := s.Do(t.Context(), func(ctx context.Context, _ *api.Client) error { inner = ctx; return nil }); err != nil {
		t.Errorf("Do = %v, want nil", err)
	}
	if inner.Err() == nil {
		t.Error("after Do the attempt's context is not canceled, want it canceled")
	}
}

func TestDo_WorksAfterAServerRestart(t *testing.T) {
	server := realvault.Start(t, devvault.Options{Raft: true}) // which keeps its data
	h := newHarnessOf(t, server)
	login := h.mustOpen(h.method(map[string]any{"token_ttl": "2s", "token_max_ttl": "10s"}))
	bare := h.mustOpen(session.Token(session.FromString(h.token(api.TokenCreateRequest{TTL: "1h"}))))
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := h.do(login); !errors.Is(vaulterr.Kind(err), vaulterr.ErrUnavailable) {
		t.Errorf("Do without a server = %v, want ErrUnavailable", err)
	}
	time.Sleep(2500 * time.Millisecond) // past the token's TTL: the renewer has failed, too
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.mustDo(bare)
	h.eventually(30*time.Second, "Do succeeds again", func() bool { return h.do(login) == nil })
	for start := time.Now(); time.Since(start) < 3*time.Second; time.Sleep(20 * time.Millisecond) {
		h.mustDo(login)
	}
}

package session_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulterr"
	"goblin/vaultkit/internal/vaulttest"
)

func newCluster(t *testing.T) *vaulttest.Cluster {
	t.Helper()
	k := vaulttest.NewCluster()
	t.Cleanup(k.Close)
	return k
}

// kubernetes mounts the auth method with the cluster.
func (h *harness) kubernetes(k *vaulttest.Cluster) (mount string) {
	h.Helper()
	mount = "kubernetes-" + h.mount
	h.put("sys/auth/"+mount, map[string]any{"type": "kubernetes"})
	h.put("auth/"+mount+"/config", k.Config())
	h.put("auth/"+mount+"/role/app", k.Role("session-probe"))
	return mount
}

func TestKubernetes_ReadsTheJWTAtEachLogin(t *testing.T) {
	short.RealOnly(t, "a Vault that asks the Kubernetes cluster about a JWT")
	h := newHarness(t)
	k := newCluster(t)
	mount := h.kubernetes(k)
	first, second := h.secret(k.JWT("first", true)), h.secret(k.JWT("second", true))
	path := h.file(first + "\n")
	s := h.mustOpen(session.Kubernetes(mount, "app", path))
	h.mustDo(s)
	h.write(path, second)
	h.revoke(s)
	h.mustDo(s)
	if shown := k.Reviewed(); !slices.Equal(shown, []string{first, second}) {
		t.Errorf("Vault reviewed %d JWTs, want the first and then the second", len(shown))
	}
}

func TestKubernetes_Refused(t *testing.T) {
	h := newHarness(t)
	k := newCluster(t)
	mount := h.kubernetes(k)
	good := h.file(h.secret(k.JWT("good", true)))
	unknown := h.file(h.secret(k.JWT("unknown", false)))
	missing := filepath.Join(t.TempDir(), "missing")
	for name, test := range map[string]struct {
		by   session.Method
		kind error
	}{
		"unknown JWT":   {session.Kubernetes(mount, "app", unknown), vaulterr.ErrUnauthenticated},
		"unknown role":  {session.Kubernetes(mount, "fake-role", good), vaulterr.ErrUnauthenticated},
		"not a JWT":     {session.Kubernetes(mount, "app", h.file("fake")), vaulterr.ErrUnauthenticated},
		"no role":       {session.Kubernetes(mount, "", good), vaulterr.ErrInvalid},
		"missing file":  {session.Kubernetes(mount, "app", missing), vaulterr.ErrInvalid},
		"empty file":    {session.Kubernetes(mount, "app", h.file("\n")), vaulterr.ErrInvalid},
		"outside a pod": {session.Kubernetes("", "app", ""), vaulterr.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if err := h.refused(test.by, test.kind); time.Since(start) > 3*time.Second {
				t.Errorf("Open = %v after %v, want at most 3s", err, time.Since(start))
			}
		})
	}
}

func TestKubernetes_EmptyFileAtRelogin(t *testing.T) {
	h := newHarness(t)
	k := newCluster(t)
	mount := h.kubernetes(k)
	path := h.file(h.secret(k.JWT("first", true)))
	s := h.mustOpen(session.Kubernetes(mount, "app", path))
	h.revoke(s)
	h.write(path, "")
	err := h.do(s)
	if !errors.Is(err, vaulterr.ErrUnauthenticated) || !errors.Is(err, vaulterr.ErrInvalid) || !strings.Contains(err.Error(), path) {
		t.Errorf("Do = %v, want ErrUnauthenticated and ErrInvalid", err)
	}
}

// TestKubernetes_RenewsThenReplacesAtTheMaximumTTL checks a token's whole life: renewals, the
// login near the maximum TTL with the JWT of that time, and the revocation at Close.
func TestKubernetes_RenewsThenReplacesAtTheMaximumTTL(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	k := newCluster(t)
	mount := h.kubernetes(k)
	role := k.Role("session-probe")
	role["token_ttl"], role["token_max_ttl"] = "3s", "6s"
	h.put("auth/"+mount+"/role/app", role)
	path := h.file(h.secret(k.JWT("first", true)))
	var renewals atomic.Int32
	s, err := session.Open(t.Context(), session.Config{
		Client: h.client(), Login: session.Kubernetes(mount, "app", path), Logger: h.logs.Logger(),
		Observe: func(e event.Event) {
			if e.Kind == event.Renewal && e.Err == nil {
				renewals.Add(1)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	first := s.Client().Token()
	h.write(path, h.secret(k.JWT("second", true)))
	h.eventually(15*time.Second, "another login", func() bool { h.mustDo(s); return s.Logins() == 2 })
	second := s.Client().Token()
	if renewals.Load() == 0 || second == first {
		t.Errorf("%d renewals before the second login, another token: %t, want a renewal and another token", renewals.Load(), second != first)
	}
	_ = s.Close()
	if h.lookup(second) != nil {
		t.Error("the token is valid after Close, want it revoked")
	}
}

package session_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
	"goblin/vaultkit/internal/vaulttest"
)

func newCluster(t *testing.T) *vaulttest.Cluster {
	t.Helper()
	k := vaulttest.NewCluster()
	t.Cleanup(k.Close)
	return k
}

// kubernetes mounts the auth method against the cluster.
func (w *world) kubernetes(k *vaulttest.Cluster) (mount string) {
	w.Helper()
	mount = "kubernetes-" + w.mount
	w.put("sys/auth/"+mount, map[string]any{"type": "kubernetes"})
	w.put("auth/"+mount+"/config", k.Config())
	w.put("auth/"+mount+"/role/app", k.Role("session-probe"))
	return mount
}

func TestKubernetesReadsTheJWTAgain(t *testing.T) {
	w := newWorld(t)
	k := newCluster(t)
	mount := w.kubernetes(k)
	first, second := w.secret(k.JWT("first", true)), w.secret(k.JWT("second", true))
	path := w.file(first + "\n")
	s := w.mustOpen(session.Kubernetes(mount, "app", path))
	w.mustDo(s)
	w.write(path, second)
	w.revoke(s)
	w.mustDo(s)
	if shown := k.Reviewed(); !slices.Equal(shown, []string{first, second}) {
		t.Errorf("Vault was shown %d JWTs, want the first and then the second", len(shown))
	}
}

func TestKubernetesRefused(t *testing.T) {
	w := newWorld(t)
	k := newCluster(t)
	mount := w.kubernetes(k)
	good := w.file(w.secret(k.JWT("good", true)))
	unknown := w.file(w.secret(k.JWT("unknown", false)))
	missing := filepath.Join(t.TempDir(), "missing")
	for name, test := range map[string]struct {
		by   session.Method
		kind error
	}{
		"unknown JWT":  {session.Kubernetes(mount, "app", unknown), vaulterr.ErrUnauthenticated},
		"unknown role": {session.Kubernetes(mount, "fake-role", good), vaulterr.ErrUnauthenticated},
		"not a JWT":    {session.Kubernetes(mount, "app", w.file("fake")), vaulterr.ErrUnauthenticated},
		"no role":      {session.Kubernetes(mount, "", good), vaulterr.ErrInvalid},
		"missing file": {session.Kubernetes(mount, "app", missing), vaulterr.ErrInvalid},
		"empty file":   {session.Kubernetes(mount, "app", w.file("\n")), vaulterr.ErrInvalid},
		"not in a pod": {session.Kubernetes("", "app", ""), vaulterr.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if err := w.refused(test.by, test.kind); time.Since(start) > 3*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
	}
}

func TestKubernetesFileGoneLater(t *testing.T) {
	w := newWorld(t)
	k := newCluster(t)
	mount := w.kubernetes(k)
	path := w.file(w.secret(k.JWT("first", true)))
	s := w.mustOpen(session.Kubernetes(mount, "app", path))
	w.revoke(s)
	w.write(path, "")
	err := w.do(s)
	if !errors.Is(err, vaulterr.ErrUnauthenticated) || !errors.Is(err, vaulterr.ErrInvalid) || !strings.Contains(err.Error(), path) {
		t.Errorf("Do = %v", err)
	}
}

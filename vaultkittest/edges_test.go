package vaultkittest_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/vaultkittest"
)

const providerPath = "secret/data/goblin-assistant/providers/" + provider

// The methods of a server that was made outside a bubble work inside it, too.
func TestServer_MadeOutsideABubble(t *testing.T) {
	s := newServer(t)
	synctest.Test(t, func(*testing.T) {
		s.Rotate(provider, "fake-new")
		if s.Provider(provider).APIKey() != "fake-new" {
			t.Error("Provider does not return the rotated key")
		}
	})
}

// A socket does not work in a bubble, so Addr fails at once and names what does.
func TestServer_AddrFailsInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{TB: t}
		s := vaultkittest.NewServer(r)
		if message := failure(r, func() { s.Addr() }); !strings.Contains(message, "use Client") {
			t.Errorf("Addr in a bubble failed with %q, want what to use", message)
		}
	})
}

// counter is a transport of the program's own.
type counter struct {
	next http.RoundTripper
	n    *atomic.Int64
}

func (c counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.RoundTrip(r)
}

// A transport of the program's own is on the way to the server.
func TestServer_ClientWithATransport(t *testing.T) {
	s, n := newServer(t), &atomic.Int64{}
	client := s.Client(t, vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper { return counter{next, n} }))
	if err := get(client); err != nil || n.Load() == 0 {
		t.Errorf("GetAPIKey = %v after %d requests by the transport, want success after some", err, n.Load())
	}
}

// A rival writes before the write to its own provider only.
func TestServer_WriteBeforeCommitOfOneProvider(t *testing.T) {
	s := newServer(t)
	s.PutProvider("other", vaultkit.ProviderKeys{"api_key": "fake-other"})
	client := s.Client(t)
	s.WriteBeforeCommit(provider, vaultkit.ProviderKeys{"api_key": "fake-rival"})
	if _, err := client.Rotate(t.Context(), "other", vaultkit.NewKey("fake-new")); err != nil {
		t.Errorf("Rotate of another provider = %v, want success", err)
	}
	if err := rotate(client, time.Minute); !errors.Is(err, vaultkit.ErrConflict) {
		t.Errorf("Rotate of the provider = %v, want ErrConflict", err)
	}
}

// A Deny takes nothing back that an earlier one took away, in any order, and Allow ends one.
func TestServer_DenyTwice(t *testing.T) {
	wide := "secret/data/goblin-assistant/providers/+"
	for name, paths := range map[string][2]string{
		"wide first": {wide, providerPath}, "exact first": {providerPath, wide}, "everything": {"*", providerPath}, "prefix": {"secret/*", providerPath},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			client := s.Client(t)
			s.Deny("read", paths[0])
			s.Deny("update", paths[1])
			if err := get(client); !errors.Is(err, vaultkit.ErrPermissionDenied) {
				t.Errorf("GetAPIKey = %v, want ErrPermissionDenied", err)
			}
			s.Allow("read", paths[0])
			if err := get(client); err != nil {
				t.Errorf("GetAPIKey after Allow = %v, want success", err)
			}
		})
	}
}

func TestServer_ConcurrentDenies(t *testing.T) {
	s := newServer(t)
	client := s.Client(t)
	var all sync.WaitGroup
	for _, path := range []string{"secret/data/goblin-assistant/providers/a", "secret/data/goblin-assistant/providers/b", providerPath} {
		all.Go(func() { s.Deny("read", path) })
	}
	all.Wait()
	if err := get(client); !errors.Is(err, vaultkit.ErrPermissionDenied) {
		t.Errorf("GetAPIKey = %v, want ErrPermissionDenied", err)
	}
}

// A service can be started while Vault is sealed, and the test can still prepare it.
func TestServer_SealedAtTheStart(t *testing.T) {
	s := newServer(t)
	s.Seal()
	_, err := vaultkit.New(t.Context(), s.Options(t)...)
	if !errors.Is(err, vaultkit.ErrSealed) {
		t.Errorf("New = %v, want ErrSealed", err)
	}
	s.PutProvider(provider, vaultkit.ProviderKeys{"api_key": "fake-new"})
	s.Unseal()
	if err := get(s.Client(t)); err != nil {
		t.Errorf("GetAPIKey after Unseal = %v, want success", err)
	}
}

// A refused write was not applied, so its response is not lost.
func TestServer_LosesNoRefusal(t *testing.T) {
	s := newServer(t)
	client := s.Client(t)
	s.DisconnectAfter(vaultkittest.Commit)
	s.WriteBeforeCommit(provider, vaultkit.ProviderKeys{"api_key": "fake-rival"})
	if err := rotate(client, time.Minute); !errors.Is(err, vaultkit.ErrConflict) {
		t.Errorf("Rotate = %v, want ErrConflict", err)
	}
}

func TestServer_DeleteProvider(t *testing.T) {
	s := newServer(t)
	s.DeleteProvider(provider)
	if err := get(s.Client(t)); !errors.Is(err, vaultkit.ErrDeleted) {
		t.Errorf("GetAPIKey = %v, want ErrDeleted", err)
	}
}

// Each test has a Default client of its own server, whatever the developer's shell has set.
func TestServer_SetenvForDefault(t *testing.T) {
	for _, key := range []string{"fake-1", "fake-2"} {
		t.Run(key, func(t *testing.T) {
			t.Setenv("VAULTKIT_AUTH", "approle")
			t.Setenv("VAULT_CACERT", "/nowhere")
			s := vaultkittest.NewServer(t, vaultkittest.WithProvider(provider, key))
			s.Setenv(t)
			if got, err := vaultkit.GetAPIKey(t.Context(), provider); err != nil || got != key {
				t.Errorf("GetAPIKey = %v, want this server's key", err)
			}
		})
	}
}

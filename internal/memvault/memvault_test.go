package memvault_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/memvault"
)

// client returns an official client that talks to the server without a socket.
func client(t *testing.T, s *memvault.Server) *api.Client {
	t.Helper()
	c, err := api.NewClient(&api.Config{Address: s.Addr(), HttpClient: &http.Client{Transport: s.Transport()}})
	if err != nil {
		t.Fatal(err)
	}
	c.SetToken(s.RootToken())
	return c
}

func TestTransport_ServesTheOfficialClientInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memvault.New(memvault.Options{})
		c := client(t, s)
		kv := c.KVv2("secret")
		if _, err := kv.Put(t.Context(), "a/b", map[string]any{"k": "v"}, api.WithCheckAndSet(0)); err != nil {
			t.Fatal(err)
		}
		got, err := kv.Get(t.Context(), "a/b")
		if err != nil || got.Data["k"] != "v" || got.VersionMetadata.Version != 1 {
			t.Errorf("Get(a/b) = %+v, %v, want k=v at version 1", got, err)
		}
		if got, want := got.VersionMetadata.CreatedTime, time.Now(); !got.Equal(want) {
			t.Errorf("created_time = %v, want the bubble's %v", got, want)
		}
	})
}

func TestListen_ServesUntilClose(t *testing.T) {
	s := memvault.New(memvault.Options{})
	if err := s.Listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	address := s.Addr()
	get := func() (int, error) {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address+"/v1/sys/health", nil)
		if err != nil {
			return 0, err
		}
		one := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := one.Do(r)
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		return response.StatusCode, nil
	}
	if status, err := get(); status != http.StatusOK {
		t.Errorf("GET sys/health = %d, %v, want 200", status, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	if status, err := get(); err == nil {
		t.Errorf("GET sys/health after Close = %d, want a connection error", status)
	}
}

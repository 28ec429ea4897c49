package vaultkit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

func TestCache_ReadsVaultOnce(t *testing.T) {
	proxy := clienttest.NewProxy(t)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithCache(time.Minute, time.Hour))
	provider := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "n": 7})
	for range 10 {
		clienttest.WantAPIKey(t, client, provider, "fake-old")
	}
	keys, err := client.GetProviderKeys(t.Context(), provider)
	if err != nil || keys["n"] != "7" {
		t.Fatalf("GetProviderKeys = %v, %v, want n = 7", keys.Reveal(), err)
	}
	keys["api_key"] = "changed by the caller"
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := client.GetField(ended, provider, "api_key"); err != nil || got != "fake-old" {
		t.Errorf("GetField with an ended context = %q, %v, want fake-old from the cache", got, err)
	}
	if got, err := client.GetAPIKey(ended, provider); err != nil || got != "fake-old" {
		t.Errorf("GetAPIKey with an ended context = %q, %v, want fake-old from the cache", got, err)
	}
	if n := clienttest.DataReads(proxy); n != 1 {
		t.Errorf("the client read the secret %d times, want 1", n)
	}
	if _, err := client.GetField(t.Context(), provider, "none"); !errors.Is(err, vaultkit.ErrFieldMissing) {
		t.Errorf("GetField(none) = %v, want ErrFieldMissing", err)
	}
	if err := client.Close(); err != nil {
		t.Fatalf("Close = %v, want no error", err)
	}
	if _, err := client.GetAPIKey(t.Context(), provider); !errors.Is(err, vaultkit.ErrClosed) {
		t.Errorf("GetAPIKey after Close = %v, want ErrClosed", err)
	}
}

func TestCrowdMakesOneRequestEach(t *testing.T) {
	proxy := clienttest.NewProxy(t)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithCache(time.Minute, time.Hour))
	var providers []string
	for range 100 {
		providers = append(providers, vaulttest.PutProvider(t, clienttest.OldSecret))
	}
	var crowd sync.WaitGroup
	for i := range 10_000 {
		crowd.Go(func() {
			if _, err := client.GetAPIKey(t.Context(), providers[i%100]); err != nil {
				t.Errorf("GetAPIKey = %v, want no error", err)
			}
		})
	}
	crowd.Wait()
	if n := clienttest.DataReads(proxy); n != 100 {
		t.Errorf("10,000 reads of 100 providers sent %d requests, want 100", n)
	}
}

func TestCache_ReadsOwnChangesAtOnce(t *testing.T) {
	client := clienttest.New(t, vaultkit.WithCache(time.Hour, time.Hour))
	provider := vaulttest.Name(t)
	if _, err := client.GetAPIKey(t.Context(), provider); !errors.Is(err, vaultkit.ErrNotFound) {
		t.Fatalf("GetAPIKey of an absent provider = %v, want ErrNotFound", err)
	}
	if _, err := client.PutProviderKeys(t.Context(), provider, vaultkit.ProviderKeys{"api_key": "fake-old"}); err != nil {
		t.Fatalf("PutProviderKeys = %v, want no error", err)
	}
	clienttest.WantAPIKey(t, client, provider, "fake-old")
	if _, err := client.Rotate(t.Context(), provider, vaultkit.NewKey("fake-new")); err != nil {
		t.Fatalf("Rotate = %v, want no error", err)
	}
	clienttest.WantAPIKey(t, client, provider, "fake-new")
	if _, err := client.Rollback(t.Context(), provider, ""); err != nil {
		t.Fatalf("Rollback = %v, want no error", err)
	}
	clienttest.WantAPIKey(t, client, provider, "fake-old")
}

// The response of the commit is lost, and a read that began before the commit ends after it.
func TestCache_KeepsOwnRotationOverLateRead(t *testing.T) {
	w := clienttest.NewScenario(t)
	w.Reconnect(vaultkit.WithCache(time.Hour, time.Hour))
	release, held := make(chan struct{}), make(chan struct{})
	first := faultproxy.OnMatch("GET", "/data/goblin-assistant/providers/", faultproxy.Late(release).Before(func() { close(held) }))
	w.Proxy.SetRule(first)
	var reader sync.WaitGroup
	reader.Go(func() { _, _ = w.Client.GetAPIKey(t.Context(), w.Provider) })
	<-held
	w.Proxy.SetRule(faultproxy.OnMatch("PUT", "/data/goblin-assistant/providers/", faultproxy.Lose()))
	if _, err := w.Rotate(t.Context(), w.Client); err != nil {
		t.Fatalf("Rotate = %v, want no error", err)
	}
	clienttest.WantAPIKey(t, w.Client, w.Provider, "fake-new")
	close(release)
	reader.Wait()
	clienttest.WantAPIKey(t, w.Client, w.Provider, "fake-new")
}

func TestCache_SeesOtherClientsChangesWithinTTL(t *testing.T) {
	client := clienttest.New(t, vaultkit.WithCache(time.Second, time.Hour))
	rival, provider := clienttest.New(t), vaulttest.PutProvider(t, clienttest.OldSecret)
	clienttest.WantAPIKey(t, client, provider, "fake-old")
	if _, err := rival.Rotate(t.Context(), provider, vaultkit.NewKey("fake-new")); err != nil {
		t.Fatalf("Rotate = %v, want no error", err)
	}
	vaulttest.Eventually(t, "the rival's key is read", func() bool {
		key, err := client.GetAPIKey(t.Context(), provider)
		return err == nil && key == "fake-new"
	})
	if err := vaulttest.Root(t).KVv2("secret").Delete(t.Context(), "goblin-assistant/providers/"+provider); err != nil {
		t.Fatalf("Delete = %v, want no error", err)
	}
	vaulttest.Eventually(t, "the deletion is seen", func() bool {
		_, err := client.GetAPIKey(t.Context(), provider)
		return errors.Is(err, vaultkit.ErrDeleted)
	})
}

func TestCache_ServesStaleKeysInAnOutage(t *testing.T) {
	t.Parallel()
	proxy, heard := clienttest.NewProxy(t), &clienttest.EventLog{}
	provider := vaulttest.PutProvider(t, clienttest.OldSecret)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithObserver(heard.Add),
		vaultkit.WithCache(time.Second, 3*time.Second), vaultkit.WithProviders(provider))
	if h := client.Health(); !h.OK() || !h.Ready() {
		t.Fatalf("Health = %+v, want OK and Ready", h)
	}
	proxy.Down()
	vaulttest.Eventually(t, "the secret is stale", func() bool {
		clienttest.WantAPIKey(t, client, provider, "fake-old")
		return len(heard.Of(event.Stale)) == 1
	})
	h := client.Health()
	if h.OK() || !h.Ready() || h.DownError == nil || !slices.Equal(h.Stale, []string{provider}) {
		t.Errorf("Health = %+v, want Ready, not OK, and %s stale", h, provider)
	}
	vaulttest.Eventually(t, "the secret is dropped", func() bool { return len(heard.Of(event.Dropped)) == 1 })
	if h := client.Health(); h.Ready() {
		t.Errorf("Health after maxStale = %+v, want not Ready", h)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := client.GetAPIKey(ctx, provider); !errors.Is(err, vaultkit.ErrUnavailable) {
		t.Errorf("GetAPIKey after maxStale = %v, want ErrUnavailable", err)
	}
	if err := proxy.Up(); err != nil {
		t.Fatalf("Up = %v, want no error", err)
	}
	vaulttest.Eventually(t, "the client is OK again", func() bool { return client.Health().OK() })
	clienttest.WantAPIKey(t, client, provider, "fake-old")
}

// A client that only watches stays ready during an outage and after a deletion, because its watcher
// still has the last keys.
func TestHealth_WatchingClientStaysReady(t *testing.T) {
	proxy, heard, provider := clienttest.NewProxy(t), &clienttest.EventLog{}, vaulttest.PutProvider(t, clienttest.OldSecret)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithObserver(heard.Add),
		vaultkit.WithPollInterval(time.Second), vaultkit.WithTimeouts(vaultkit.Timeouts{Read: time.Second}))
	told := watch(t.Context(), client, provider)
	hears(t, told, "fake-old false false false")
	proxy.Down()
	vaulttest.Eventually(t, "the outage shows", func() bool { return slices.Equal(client.Health().Stale, []string{provider}) })
	if h := client.Health(); h.OK() || !h.Ready() || len(h.Missing)+len(h.Lost) != 0 {
		t.Errorf("Health in an outage = %+v, want Ready, not OK, none missing or lost", h)
	}
	if err := proxy.Up(); err != nil {
		t.Fatalf("Up = %v, want no error", err)
	}
	vaulttest.SoftDelete(t, provider)
	vaulttest.Eventually(t, "the deletion shows", func() bool { return slices.Equal(client.Health().Lost, []string{provider}) })
	if h := client.Health(); h.OK() || !h.Ready() || len(h.Missing)+len(h.Stale) != 0 {
		t.Errorf("Health after a deletion = %+v, want Ready, not OK, none missing or stale", h)
	}
	if dropped := heard.Of(event.Dropped); len(dropped) != 1 || !errors.Is(dropped[0].Err, vaultkit.ErrDeleted) {
		t.Errorf("events of the kind dropped = %+v, want one with ErrDeleted", dropped)
	}
}

func TestNew_WaitsForDeclaredProviders(t *testing.T) {
	proxy := clienttest.NewProxy(t)
	provider := vaulttest.PutProvider(t, clienttest.OldSecret)
	proxy.Down()
	options := []vaultkit.Option{
		vaultkit.WithAddress(proxy.URL()), clienttest.WithBackoff(clienttest.QuickBackoff),
		vaultkit.WithToken(vaultkit.FromString(vaulttest.Server().RootToken())),
		vaultkit.WithCache(time.Minute, time.Hour), vaultkit.WithProviders(provider),
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := vaultkit.New(short, options...); !errors.Is(err, vaultkit.ErrUnavailable) {
		t.Fatalf("New with a short context = %v, want ErrUnavailable", err)
	}
	tried := make(chan struct{}, 1000)
	observe := vaultkit.WithObserver(func(event.Event) { tried <- struct{}{} })
	var starting sync.WaitGroup
	starting.Go(func() {
		client, err := vaultkit.New(t.Context(), append(options, observe)...)
		if err != nil {
			t.Errorf("New = %v, want no error", err)
			return
		}
		proxy.Reset()
		clienttest.WantAPIKey(t, client, provider, "fake-old")
		if n := clienttest.DataReads(proxy); n != 0 {
			t.Errorf("GetAPIKey after New sent %d requests, want 0", n)
		}
		if err := client.Close(); err != nil {
			t.Errorf("Close = %v, want no error", err)
		}
	})
	<-tried
	if err := proxy.Up(); err != nil {
		t.Fatalf("Up = %v, want no error", err)
	}
	starting.Wait()
	_, err := vaultkit.New(t.Context(), append(options, vaultkit.WithProviders("not-there"))...)
	if !errors.Is(err, vaultkit.ErrNotFound) {
		t.Errorf("New with an absent provider = %v, want ErrNotFound", err)
	}
}

func TestCacheOptions(t *testing.T) {
	for name, options := range map[string][]vaultkit.Option{
		"ttl":       {vaultkit.WithCache(time.Millisecond, 0)},
		"maxStale":  {vaultkit.WithCache(time.Minute, -1)},
		"no cache":  {vaultkit.WithProviders("a")},
		"bad name":  {vaultkit.WithCache(time.Minute, 0), vaultkit.WithProviders("a/b")},
		"two times": {vaultkit.WithCache(time.Minute, 0), vaultkit.WithPollInterval(time.Minute)},
		"poll":      {vaultkit.WithPollInterval(time.Millisecond)},
	} {
		t.Run(name, func(t *testing.T) {
			options = append(options, vaultkit.WithAddress("http://127.0.0.1:1"), vaultkit.WithToken(vaultkit.FromString("fake")))
			if _, err := vaultkit.New(t.Context(), options...); !errors.Is(err, vaultkit.ErrInvalid) {
				t.Errorf("New = %v, want ErrInvalid", err)
			}
		})
	}
}

// A service that starts while Vault is sealed waits until it is unsealed.
func TestNew_WaitsForAnUnsealedServer(t *testing.T) {
	server, heard := vaulttest.Start(t), &clienttest.EventLog{}
	proxy := clienttest.NewProxyTo(t, server.Addr())
	kv := vaulttest.RootOf(t, server).KVv2(vaulttest.Mount)
	if _, err := kv.Put(t.Context(), vaulttest.Base+"/providers/a", clienttest.OldSecret); err != nil {
		t.Fatalf("Put = %v, want no error", err)
	}
	if err := server.Seal(t.Context()); err != nil {
		t.Fatalf("Seal = %v, want no error", err)
	}
	options := []vaultkit.Option{
		vaultkit.WithAddress(proxy.URL()), vaultkit.WithToken(vaultkit.FromString(server.RootToken())),
		clienttest.WithBackoff(clienttest.QuickBackoff), vaultkit.WithCache(time.Minute, time.Hour),
	}
	if _, err := vaultkit.New(t.Context(), options...); !errors.Is(err, vaultkit.ErrSealed) {
		t.Errorf("New without WithProviders = %v, want ErrSealed", err)
	}
	options = append(options, vaultkit.WithProviders("a"), vaultkit.WithObserver(heard.Add))
	started := make(chan *vaultkit.Client)
	go func() {
		client, err := vaultkit.New(t.Context(), options...)
		if err != nil {
			t.Errorf("New = %v, want no error", err)
		}
		started <- client
	}()
	vaulttest.Eventually(t, "it has been refused", func() bool {
		refused := heard.Of(event.Login)
		return len(refused) > 3 && errors.Is(refused[0].Err, vaultkit.ErrSealed)
	})
	if err := server.Unseal(t.Context()); err != nil {
		t.Fatalf("Unseal = %v, want no error", err)
	}
	client := <-started
	if client == nil {
		return
	}
	defer client.Close()
	proxy.Reset()
	clienttest.WantAPIKey(t, client, "a", "fake-old")
	if n := len(proxy.Log()); n != 0 {
		t.Errorf("the first GetAPIKey sent %d requests, want 0", n)
	}
}

// New does not wait for what waiting cannot change.
func TestNew_EndsOnLastingErrors(t *testing.T) {
	proxy := clienttest.NewProxy(t)
	there, deleted := vaulttest.PutProvider(t, clienttest.OldSecret), vaulttest.PutProvider(t, clienttest.OldSecret)
	vaulttest.SoftDelete(t, deleted)
	only := vaulttest.Token(t, strings.ReplaceAll(vaulttest.Policy(t, "", "reader"), "providers/+", "providers/"+there))
	proxy.Down()
	for name, c := range map[string]struct {
		want    error
		names   string // the provider in its error
		options []vaultkit.Option
	}{
		"absent":  {vaultkit.ErrNotFound, "nobody", []vaultkit.Option{vaultkit.WithProviders(there, "nobody", there)}},
		"deleted": {vaultkit.ErrDeleted, deleted, []vaultkit.Option{vaultkit.WithProviders(deleted)}},
		"denied": {vaultkit.ErrPermissionDenied, "other", []vaultkit.Option{
			vaultkit.WithProviders(there, "other"), vaultkit.WithToken(vaultkit.FromString(only))}},
		"Timeouts.Start passes": {vaultkit.ErrUnavailable, "", []vaultkit.Option{vaultkit.WithProviders(there),
			vaultkit.WithAddress(proxy.URL()), vaultkit.WithTimeouts(vaultkit.Timeouts{Start: 50 * time.Millisecond})}},
	} {
		t.Run(name, func(t *testing.T) {
			options := append([]vaultkit.Option{
				vaultkit.WithAddress(vaulttest.Server().Addr()), vaultkit.WithToken(vaultkit.FromString(vaulttest.Server().RootToken())),
				clienttest.WithBackoff(clienttest.QuickBackoff), vaultkit.WithCache(time.Minute, time.Hour),
			}, c.options...)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			client, err := vaultkit.New(ctx, options...)
			failed, ok := errors.AsType[*vaultkit.Error](err)
			if client != nil || !errors.Is(err, c.want) || !ok || failed.Op != "New" || failed.Provider != c.names || ctx.Err() != nil {
				t.Errorf("New = %v, %v, want no client and %v that names %q", client, err, c.want, c.names)
			}
		})
	}
}

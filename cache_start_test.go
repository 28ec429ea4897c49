package vaultkit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/vaulttest"
)

// A service that starts while Vault is sealed waits until it is not.
func TestStartRidesOutASeal(t *testing.T) {
	server, heard := vaulttest.Start(t, devvault.Options{}), &clienttest.EventLog{}
	proxy := clienttest.NewProxyTo(t, server.Addr())
	kv := vaulttest.RootOf(t, server).KVv2(vaulttest.Mount)
	if _, err := kv.Put(t.Context(), vaulttest.Base+"/providers/a", clienttest.OldSecret); err != nil {
		t.Fatal(err)
	}
	if err := server.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	options := []vaultkit.Option{
		vaultkit.WithAddress(proxy.URL()), vaultkit.WithToken(vaultkit.Value(server.RootToken())), clienttest.WithBackoff(clienttest.QuickBackoff),
		vaultkit.WithCache(time.Minute, time.Hour),
	}
	if _, err := vaultkit.New(t.Context(), options...); !errors.Is(err, vaultkit.ErrSealed) {
		t.Errorf("without providers to wait for: %v", err)
	}
	options = append(options, vaultkit.WithProviders("a"), vaultkit.WithObserver(heard.Add))
	started := make(chan *vaultkit.Client)
	go func() {
		client, err := vaultkit.New(t.Context(), options...)
		if err != nil {
			t.Error(err)
		}
		started <- client
	}()
	vaulttest.Eventually(t, "it has been refused", func() bool {
		refused := heard.Of(vaultkit.EventLogin)
		return len(refused) > 3 && errors.Is(refused[0].Err, vaultkit.ErrSealed)
	})
	if err := server.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	client := <-started
	if client == nil {
		return
	}
	defer client.Close()
	proxy.Reset()
	clienttest.WantAPIKey(t, client, "a", "fake-old")
	if n := len(proxy.Log()); n != 0 {
		t.Errorf("%d requests for the first read", n)
	}
}

// What a start does not ride out.
func TestStartEnds(t *testing.T) {
	proxy, there, deleted := clienttest.NewProxy(t), vaulttest.PutProvider(t, clienttest.OldSecret), vaulttest.PutProvider(t, clienttest.OldSecret)
	vaulttest.SoftDelete(t, deleted)
	only := vaulttest.Token(t, strings.ReplaceAll(vaulttest.Policy(t, "", "reader"), "providers/+", "providers/"+there))
	proxy.Down()
	for name, c := range map[string]struct {
		want    error
		names   string // the provider in its error
		options []vaultkit.Option
	}{
		"not there":  {vaultkit.ErrNotFound, "nobody", []vaultkit.Option{vaultkit.WithProviders(there, "nobody", there)}},
		"deleted":    {vaultkit.ErrDeleted, deleted, []vaultkit.Option{vaultkit.WithProviders(deleted)}},
		"not its":    {vaultkit.ErrPermissionDenied, "other", []vaultkit.Option{vaultkit.WithProviders(there, "other"), vaultkit.WithToken(vaultkit.Value(only))}},
		"time is up": {vaultkit.ErrUnavailable, "", []vaultkit.Option{vaultkit.WithProviders(there), vaultkit.WithAddress(proxy.URL()), vaultkit.WithTimeouts(vaultkit.Timeouts{Start: 50 * time.Millisecond})}},
	} {
		t.Run(name, func(t *testing.T) {
			options := append([]vaultkit.Option{
				vaultkit.WithAddress(vaulttest.Server().Addr()), vaultkit.WithToken(vaultkit.Value(vaulttest.Server().RootToken())),
				clienttest.WithBackoff(clienttest.QuickBackoff), vaultkit.WithCache(time.Minute, time.Hour),
			}, c.options...)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			client, err := vaultkit.New(ctx, options...)
			failed, ok := errors.AsType[*vaultkit.Error](err)
			if client != nil || !errors.Is(err, c.want) || !ok || failed.Op != "New" || failed.Provider != c.names || ctx.Err() != nil {
				t.Errorf("New = %v, %v", client, err)
			}
		})
	}
}

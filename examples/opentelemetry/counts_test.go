package opentelemetry_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// Every event is counted by its kind, phase and failure.
func TestCounts(t *testing.T) {
	read := func(ctx context.Context, client *vaultkit.Client, provider string) error {
		_, err := client.GetAPIKey(ctx, provider)
		return err
	}
	rotate := func(ctx context.Context, client *vaultkit.Client, provider string) error {
		_, err := client.Rotate(ctx, provider, vaultkit.NewKey("fake-new-key"))
		return err
	}
	for _, tc := range []struct {
		name  string
		do    func(ctx context.Context, client *vaultkit.Client, provider string) error
		gone  bool // the provider does not exist
		rival bool // another client stores a key right before the commit
		err   error
		want  map[string]int64
	}{
		{name: "read", do: read, want: map[string]int64{"read": 1}},
		{name: "failed read", do: read, gone: true, err: vaultkit.ErrNotFound, want: map[string]int64{"read (failed)": 1}},
		{name: "rotation", do: rotate, want: map[string]int64{
			"rotation begun": 1, "rotation backed-up": 1, "rotation committed": 1, "rotation recorded": 1}},
		{name: "failed rotation", do: rotate, rival: true, err: vaultkit.ErrConflict, want: map[string]int64{
			"rotation begun": 1, "rotation backed-up": 1, "rotation failed (failed)": 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			proxy, o, provider := proxied(t), newTelemetry(), vaulttest.Name(t)
			if !tc.gone {
				provider = store(t, "fake-old-key")
			}
			if tc.rival {
				proxy.SetRule(faultproxy.OnMatch("PUT", "/data/goblin-assistant/providers/", faultproxy.Before(func() {
					vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": "fake-rival-key"})
				})))
			}
			if err := tc.do(t.Context(), o.client(t, vaultkit.WithAddress(proxy.URL())), provider); !errors.Is(err, tc.err) {
				t.Errorf("%s = %v, want %v", tc.name, err, tc.err)
			}
			tc.want["login"] = 1
			if got := counts(collect(o.reader)); !maps.Equal(got, tc.want) {
				t.Errorf("the counts = %v, want %v", got, tc.want)
			}
		})
	}
}

// During an outage, failed refreshes and stale keys are counted, and reads still work.
func TestStaleIsCounted(t *testing.T) {
	proxy, o, heard := proxied(t), newTelemetry(), make(chan event.Event, 100)
	provider := store(t, "fake-key")
	client := o.client(t, vaultkit.WithAddress(proxy.URL()),
		vaultkit.WithCache(time.Second, time.Hour), vaultkit.WithProviders(provider),
		vaultkit.WithTimeouts(vaultkit.Timeouts{Read: 100 * time.Millisecond}),
		vaultkit.WithObserver(func(e event.Event) { heard <- e }))
	proxy.Down()
	deadline := time.After(30 * time.Second)
	for failed, stale := false, false; !failed || !stale; { // in either order
		select {
		case e := <-heard:
			failed = failed || e.Kind == event.Refresh && e.Err != nil
			stale = stale || e.Kind == event.Stale
		case <-deadline:
			t.Fatalf("in 30 s: failed refresh %t, stale %t, want both", failed, stale)
		}
	}
	if key, err := client.GetAPIKey(t.Context(), provider); key != "fake-key" || err != nil {
		t.Errorf("GetAPIKey = %q, %v, want fake-key", key, err)
	}
	got := counts(collect(o.reader))
	if got["refresh"] == 0 || got["refresh (failed)"] == 0 || got["stale"]+got["stale (failed)"] != 1 {
		t.Errorf("the counts = %v, want refreshes, failed refreshes and one stale", got)
	}
}
